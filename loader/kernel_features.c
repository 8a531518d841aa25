// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel_features.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "bpf/objects.h"
#include "bpf/probe.h"
#include "err.h"
#include "net/link.h"
#include "net/qdisc.h"
#include "net/sysctl.h"
#include "plan.h"

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

static void __attribute__((format(printf, 5, 6)))
add(struct features *f, const char *name, bool needed, bool ok, const char *fmt, ...)
{
	struct feature *feature = &f->list[f->n++];
	va_list ap;

	feature->name = name;
	feature->needed = needed;
	feature->ok = ok;
	va_start(ap, fmt);
	vsnprintf(feature->text, sizeof(feature->text), fmt, ap);
	va_end(ap);
}

/* Takes the recorded error as the reason why not. */
static void add_failed(struct features *f, const char *name, bool needed)
{
	const char *hint = err_hint();

	add(f, name, needed, false, "%s%s%s", err_text(), hint ? ". " : "", hint ? hint : "");
	err_clear();
}

static bool try_bpf(struct features *f, bool *tc_decap)
{
	if (probe_tc_decap(tc_decap)) {
		add_failed(f, "bpf", true);
		return false;
	}
	add(f, "bpf", true, true, "BPF programs load and run");
	if (*tc_decap)
		add(f, "tc-decap", false, true, "TC can decapsulate: the WAN hook can be tc or xdp");
	else
		add(f, "tc-decap", false, false,
		    "TC cannot decapsulate (Linux 6.3 and later can): the WAN hook has to be xdp");
	return true;
}

static int load_xdp(const struct objects *objects, const char *prog)
{
	struct bpf_object *obj = objects_open_xdp(objects, prog);
	int ret;

	if (!obj)
		return -1;
	ret = bpf_object__load(obj);
	bpf_object__close(obj);
	return ret ? err_sys(-ret, objects_log(), "the kernel did not accept the XDP program '%s'",
			     prog) :
		     0;
}

/* Loads everything for a small port set and lets the sweep timers start, but attaches nothing. */
static void try_programs(struct features *f, bool tc_decap)
{
	struct mape_config config = { .magic = MAPE_MAGIC, .abi = MAPE_ABI, .mtu = 1460 };
	struct objects objects;

	mape_portset_init(&config.ports, 6, 8, 1);
	if (objects_load(&objects, &config, 0, tc_decap)) {
		add_failed(f, "programs", true);
	} else {
		add(f, "programs", true, true, "TC and control programs load, sweep timers start");
		if (load_xdp(&objects, "wan_xdp") || load_xdp(&objects, "lan_xdp"))
			add_failed(f, "xdp", !tc_decap);
		else
			add(f, "xdp", !tc_decap, true,
			    "XDP programs load; whether native mode works is up to each device's "
			    "driver and shows at attach, generic mode works on all");
	}
	objects_close(&objects);
}

/* In a child with a network namespace of its own, which vanishes with it. Its exit status tells
 * how far it came. */
static int make_tunnel(void)
{
	struct veth_spec spec = { .name = "t0", .peer = "t1", .mtu = 1460, .ifalias = "mape-xdp" };
	struct link_info link;

	if (unshare(CLONE_NEWNET))
		return 1;
	if (link_random_mac(spec.mac) || link_random_mac(spec.peer_mac) || link_create_veth(&spec))
		return 2;
	if (link_get("t0", &link) || clsact_add(link.ifindex))
		return 3;
	return 0;
}

static void try_tunnel(struct features *f)
{
	static const char *const why[] = {
		[1] = "cannot make a network namespace to try it in (CONFIG_NET_NS)",
		[2] = "cannot make a veth pair (CONFIG_VETH; modprobe veth)",
		[3] = "cannot add a clsact qdisc (CONFIG_NET_SCH_INGRESS; modprobe sch_ingress)",
	};
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(make_tunnel());
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		add(f, "tunnel", true, false, "cannot start a process to try it in");
	else if (WEXITSTATUS(status))
		add(f, "tunnel", true, false, "%s", why[WEXITSTATUS(status) & 3]);
	else
		add(f, "tunnel", true, true, "veth pairs and the clsact qdisc are there");
}

/* attach mounts the usual one itself and makes the last directory of another path. */
static void try_bpffs(struct features *f, const char *pin_root)
{
	char dir[PATH_MAX];
	struct statfs fs;
	char *slash;

	snprintf(dir, sizeof(dir), "%s", pin_root);
	while (statfs(dir, &fs) && errno == ENOENT && (slash = strrchr(dir, '/')) && slash != dir)
		*slash = '\0';
	if (!statfs(dir, &fs) && (unsigned long)fs.f_type == BPF_FS_MAGIC)
		add(f, "bpffs", true, true, "a BPF file system is mounted for %s", pin_root);
	else if (!strcmp(pin_root, OPT_DEFAULT_PIN_ROOT))
		add(f, "bpffs", false, false, "no BPF file system at /sys/fs/bpf; attach mounts it");
	else
		add(f, "bpffs", true, false,
		    "%s is not on a BPF file system: mount -t bpf bpf DIR, or leave out --pin-root",
		    pin_root);
}

void features_try(struct features *features, const char *pin_root)
{
	bool tc_decap;

	memset(features, 0, sizeof(*features));
	if (try_bpf(features, &tc_decap))
		try_programs(features, tc_decap);
	try_tunnel(features);
	try_bpffs(features, pin_root);
	add(features, "conntrack", false, true, "%s",
	    sysctl_exists(TCP_LIBERAL_KEY) ?
		    "conntrack is there; attach makes it liberal about TCP windows" :
		    "conntrack is not there; nothing to prepare");
	add(features, "kernel-btf", false, true, "%s",
	    access(KERNEL_BTF, R_OK) ? "the kernel has no BTF; it is not needed" :
				       "the kernel has BTF; it is not needed");
}

bool features_suffice(const struct features *features)
{
	for (size_t i = 0; i < features->n; i++)
		if (features->list[i].needed && !features->list[i].ok)
			return false;
	return true;
}

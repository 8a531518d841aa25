// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * progrun: the BPF programs on a bench. Reads one JSON request per line, answers with one JSON
 * object per line, until end of input. An answer has "error" where something failed. Bytes are hex.
 *
 *	{"cmd":"devices"}                       -> {"wan0":2, ...} interface indexes
 *	{"cmd":"load", "config":{...}, "reserve":N}  fresh objects -> {"tc_decap":true}
 *	{"cmd":"set", "config":{...}}           change fields of the config record
 *	{"cmd":"now", "ns":N}                   the programs' clock runs N ns ahead
 *	{"cmd":"run", "prog":P, "data":HEX, "ifindex", "mark", "gso_size", "gso_segs", "flags"}
 *	                                        -> {"ret", "data", "meta", "mark"} or {"errno"}
 *	{"cmd":"batch", "bytes":N, "progs":[P, ...]}  and N bytes of steps (batch.h)
 *	                                        -> {"bytes":M} and M bytes of results
 *	{"cmd":"reload"}                        the programs anew on the same maps
 *	{"cmd":"shuffle"}                       the ports in new order, as after a load
 *	{"cmd":"control", "op":N, "count", "slot", "flow":HEX}  -> fields of struct mape_request
 *	{"cmd":"deep"}                          -> {"findings":[...]} of the product's audit
 *	{"cmd":"dump", "map":M}                 -> {"items":[[KEY,VALUE],...]}, per CPU concatenated
 *	{"cmd":"lookup", "map":M, "key":HEX}    -> {"value"}, or nothing if there is no such key
 *	{"cmd":"update", "map":M, "key":HEX, "value":HEX}
 */
#include "batch.h"
#include "deep.h"
#include "json.h"

static struct harness bench;

static struct { /* behind the answer that is being made */
	unsigned char *bytes;
	size_t size;
} results;

static int address(struct json_object *o, int family, void *to)
{
	const char *value = json_object_get_string(o);

	return inet_pton(family, value, to) == 1 ? 0 : err(NULL, "not an address: %s", value);
}

static int config_brs(struct mape_config *c, struct json_object *brs)
{
	c->br_count = json_object_array_length(brs);
	for (uint32_t i = 0; i < c->br_count && i < MAPE_BR_MAX; i++)
		if (address(json_object_array_get_idx(brs, i), AF_INET6, c->br[i]))
			return -1;
	return 0;
}

static int config_fields(struct mape_config *c, struct json_object *o)
{
	struct json_object *timeouts = field(o, "timeout_s");

	c->flags = number(o, "flags", c->flags);
	c->mtu = number(o, "mtu", c->mtu);
	c->filtering = number(o, "filtering", c->filtering);
	c->host_ports = number(o, "host_ports", c->host_ports);
	c->host_rate = number(o, "host_rate", c->host_rate);
	c->rest_s = number(o, "rest_s", c->rest_s);
	c->wan_ifindex = number(o, "wan_ifindex", c->wan_ifindex);
	c->tun_ifindex = number(o, "tun_ifindex", c->tun_ifindex);
	c->exit_ifindex = number(o, "exit_ifindex", c->exit_ifindex);
	c->mark_mask = number(o, "mark_mask", c->mark_mask);
	c->mark_shift = number(o, "mark_shift", c->mark_shift);
	c->timeout_udp_s = number(o, "timeout_udp_s", c->timeout_udp_s);
	c->timeout_icmp_s = number(o, "timeout_icmp_s", c->timeout_icmp_s);
	for (size_t i = 0; timeouts && i < MAPE_STATE_COUNT; i++)
		c->timeout_s[i] = json_object_get_int(json_object_array_get_idx(timeouts, i));
	c->ip4_len = number(o, "ip4_len", c->ip4_len);
	c->fmr_count = number(o, "fmr_count", c->fmr_count);
	c->source_count = number(o, "source_count", c->source_count);
	c->outer_vtf = number(o, "outer_vtf", c->outer_vtf);
	c->hop_limit = number(o, "hop_limit", c->hop_limit);
	c->tos_copied = number(o, "tos_copied", c->tos_copied);
	if (field(o, "offset"))
		mape_portset_init(&c->ports, number(o, "offset", 0), number(o, "psid_len", 0),
				  number(o, "psid", 0));
	if ((field(o, "ip4") && address(field(o, "ip4"), AF_INET, c->ip4)) ||
	    (field(o, "ce") && address(field(o, "ce"), AF_INET6, c->ce)) ||
	    (field(o, "br") && config_brs(c, field(o, "br"))))
		return -1;
	return 0;
}

static int cmd_devices(struct json_object *request, struct json_object *answer)
{
	struct if_nameindex *list = if_nameindex();

	(void)request;
	for (struct if_nameindex *i = list; i && i->if_index; i++)
		put(answer, i->if_name, i->if_index);
	if_freenameindex(list);
	return 0;
}

static int cmd_load(struct json_object *request, struct json_object *answer)
{
	struct mape_config config;

	harness_config(&config);
	if (config_fields(&config, field(request, "config")) ||
	    harness_load(&bench, &config, number(request, "reserve", 0)))
		return -1;
	put(answer, "ports", config.ports.count);
	json_object_object_add(answer, "tc_decap", json_object_new_boolean(bench.tc_decap));
	return 0;
}

static int cmd_set(struct json_object *request, struct json_object *answer)
{
	(void)answer;
	if (config_fields(&bench.config, field(request, "config")))
		return -1;
	return harness_now(&bench, bench.config.now_offset);
}

static int cmd_now(struct json_object *request, struct json_object *answer)
{
	(void)answer;
	return harness_now(&bench, number(request, "ns", 0));
}

static int cmd_run(struct json_object *request, struct json_object *answer)
{
	static unsigned char in[PACKET_MAX];
	const char *prog = text(request, "prog");
	int n = unhex(text(request, "data"), in, sizeof(in)), ret;
	struct testrun t = {
		.fd = harness_prog(&bench, prog),
		.xdp = strstr(prog, "_xdp"),
		.in = in,
		.in_len = n,
		.ifindex = number(request, "ifindex", 0),
		.mark = number(request, "mark", 0),
		.gso_size = number(request, "gso_size", 0),
		.gso_segs = number(request, "gso_segs", 0),
		.flags = number(request, "flags", 0),
	};

	if (t.fd < 0)
		return err(NULL, "no program '%s'", prog);
	if (n < 0)
		return -1;
	ret = testrun(&t);
	put(answer, "ret", t.ret);
	if (ret) {
		put(answer, "errno", -ret);
		return 0;
	}
	put(answer, "mark", t.mark_out);
	put(answer, "gso_segs", t.gso_segs_out);
	json_object_object_add(answer, "meta", hex(t.meta, t.meta_len));
	json_object_object_add(answer, "data", hex(t.data, t.data_len));
	return 0;
}

/* The results follow the answer's line as they are. */
static int cmd_batch(struct json_object *request, struct json_object *answer)
{
	struct json_object *progs = field(request, "progs");
	size_t size = number(request, "bytes", 0);
	struct batch b = { .bench = &bench };
	unsigned char *steps = malloc(size + 1);
	int ret;

	if (!steps || fread(steps, 1, size, stdin) != size)
		harness_die("the steps of a batch");
	for (size_t i = 0; i < json_object_array_length(progs) && i < BATCH_PROGS; i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(progs, i));

		b.fd[i] = harness_prog(&bench, name);
		b.xdp[i] = strstr(name, "_xdp");
	}
	ret = batch_run(&b, steps, size);
	free(steps);
	free(results.bytes);
	results.bytes = b.out;
	results.size = ret ? 0 : b.used;
	put(answer, "bytes", results.size);
	return ret;
}

static int cmd_reload(struct json_object *request, struct json_object *answer)
{
	(void)request;
	(void)answer;
	return harness_reload(&bench);
}

/* As after a load: all ports free and in new random order. There must be no session or forward. */
static int cmd_shuffle(struct json_object *request, struct json_object *answer)
{
	static const char *const queues[] = { "free_ports_tcp", "free_ports_udp", "free_ports_icmp" };
	struct mape_request init = { .op = MAPE_OP_INIT };
	const struct mape_port unused = {};
	uint32_t index, n = MAPE_SLOT_COUNT * bench.config.ports.count;

	(void)request;
	(void)answer;
	for (size_t i = 0; i < MAPE_SLOT_COUNT; i++)
		while (!bpf_map_lookup_and_delete_elem(objects_map(&bench.objects, queues[i]), NULL,
						       &index))
			;
	for (index = 0; index < n; index++)
		if (bpf_map_update_elem(objects_map(&bench.objects, "ports"), &index, &unused,
					BPF_ANY))
			return err_sys(errno, NULL, "cannot write 'ports'");
	return harness_control(&bench, &init);
}

static int cmd_control(struct json_object *request, struct json_object *answer)
{
	struct mape_request r = { .op = number(request, "op", 0),
				  .count = number(request, "count", 0),
				  .slot = number(request, "slot", 0) };

	if (field(request, "flow") &&
	    unhex(text(request, "flow"), &r.flow, sizeof(r.flow)) != sizeof(r.flow))
		return -1;
	if (harness_control(&bench, &r) && !r.result)
		return -1;
	put(answer, "result", r.result);
	put(answer, "visited", r.visited);
	put(answer, "expired", r.expired);
	put(answer, "total", r.total);
	put(answer, "free", r.free);
	put(answer, "used", r.used);
	put(answer, "resting", r.resting);
	put(answer, "reserved", r.reserved);
	put(answer, "overlapped", r.overlapped);
	put(answer, "lost", r.lost);
	return 0;
}

static int cmd_deep(struct json_object *request, struct json_object *answer)
{
	struct json_object *findings = json_object_new_array();
	static struct audit_report report;

	(void)request;
	json_object_object_add(answer, "findings", findings);
	if (deep_audit(&bench, &report))
		return -1;
	for (unsigned int i = 0; i < report.kept; i++)
		json_object_array_add(findings, json_object_new_string(report.text[i]));
	return 0;
}

static int find_map(struct json_object *request, struct bpf_map_info *info)
{
	uint32_t len = sizeof(*info);
	int fd = objects_map(&bench.objects, text(request, "map"));

	memset(info, 0, len);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, info, &len))
		return err(NULL, "no map '%s'", text(request, "map"));
	return fd;
}

static int cmd_dump(struct json_object *request, struct json_object *answer)
{
	struct json_object *items = json_object_new_array(), *item;
	unsigned char key[64], next[64], value[64 * 1024];
	struct bpf_map_info info;
	int fd = find_map(request, &info);
	uint32_t size = info.value_size;
	void *at = NULL;

	json_object_object_add(answer, "items", items);
	if (fd < 0)
		return -1;
	if (info.type == BPF_MAP_TYPE_PERCPU_ARRAY)
		size = (size + 7) / 8 * 8 * libbpf_num_possible_cpus();
	while (!bpf_map_get_next_key(fd, at, next)) {
		memcpy(key, next, info.key_size);
		at = key;
		if (bpf_map_lookup_elem(fd, key, value))
			continue; /* a timer removed it meanwhile */
		item = json_object_new_array();
		json_object_array_add(item, hex(key, info.key_size));
		json_object_array_add(item, hex(value, size));
		json_object_array_add(items, item);
	}
	return 0;
}

static int cmd_lookup(struct json_object *request, struct json_object *answer)
{
	unsigned char key[64], value[1024];
	struct bpf_map_info info;
	int fd = find_map(request, &info);

	if (fd < 0 || unhex(text(request, "key"), key, sizeof(key)) != (int)info.key_size)
		return -1;
	if (!bpf_map_lookup_elem(fd, key, value))
		json_object_object_add(answer, "value", hex(value, info.value_size));
	return 0;
}

static int cmd_update(struct json_object *request, struct json_object *answer)
{
	unsigned char key[64], value[1024];
	struct bpf_map_info info;
	int fd = find_map(request, &info);

	(void)answer;
	if (fd < 0 || unhex(text(request, "key"), key, sizeof(key)) != (int)info.key_size ||
	    unhex(text(request, "value"), value, sizeof(value)) != (int)info.value_size)
		return -1;
	if (bpf_map_update_elem(fd, key, value, BPF_ANY))
		return err_sys(errno, NULL, "map update");
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct json_object *request, struct json_object *answer);
} commands[] = {
	{ "devices", cmd_devices }, { "load", cmd_load }, { "set", cmd_set },
	{ "now", cmd_now },         { "run", cmd_run },   { "control", cmd_control },
	{ "deep", cmd_deep },       { "dump", cmd_dump }, { "lookup", cmd_lookup },
	{ "update", cmd_update },   { "batch", cmd_batch }, { "reload", cmd_reload },
	{ "shuffle", cmd_shuffle },
};

static int serve(struct json_object *request, struct json_object *answer)
{
	const char *name = text(request, "cmd");

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, name))
			return i > 1 && !bench.loaded ? err(NULL, "nothing is loaded") :
							commands[i].run(request, answer);
	return err(NULL, "no command '%s'", name);
}

static void answer_line(const char *line)
{
	struct json_object *request = json_tokener_parse(line), *answer = json_object_new_object();

	err_clear();
	if (serve(request, answer)) {
		char message[2048];

		snprintf(message, sizeof(message), "%s\n%s", err_text() ? err_text() : "failed",
			 err_hint() ? err_hint() : "");
		json_object_object_add(answer, "error", json_object_new_string(message));
	}
	puts(json_object_to_json_string_ext(answer, JSON_C_TO_STRING_PLAIN));
	fwrite(results.bytes, 1, results.size, stdout);
	results.size = 0;
	json_object_put(answer);
	json_object_put(request);
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;

	harness_namespace();
	while (getline(&line, &size, stdin) > 0) {
		answer_line(line);
		fflush(stdout);
	}
	free(line);
	harness_close(&bench);
	return 0;
}

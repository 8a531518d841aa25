// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "instance.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "err.h"
#include "net/link.h"
#include "net/netns.h"

struct search {
	const char *word;
	struct netns netns;
	char id[NETNS_ID_MAX];
};

static const char *wan_of(const struct journal *j)
{
	struct json_object *settings = NULL, *wan = NULL;

	json_object_object_get_ex(journal_facts(j), "settings", &settings);
	json_object_object_get_ex(settings, "wan", &wan);
	return json_object_get_string(wan);
}

/* Is it the instance of that WAN, or of that name, in this namespace? */
static int match(const char *id, void *arg)
{
	struct search *search = arg;
	struct journal *j;
	const char *name, *wan;
	bool found;

	if (!netns_owns_id(&search->netns, id, &name))
		return 0;
	j = journal_open(JOURNAL_DIR, id);
	if (!j)
		return -1;
	wan = wan_of(j);
	found = !strcmp(name, search->word) || (wan && !strcmp(wan, search->word));
	journal_close(j);
	if (found)
		snprintf(search->id, sizeof(search->id), "%s", id);
	return found;
}

static int find_id(const struct cmd_call *call, char id[NETNS_ID_MAX])
{
	struct search search = { .word = call->n_args ? call->args[0] : NULL };
	int ret;

	if (!search.word)
		return netns_instance_id(call->globals->name, id);
	if (netns_current(&search.netns))
		return -1;
	ret = journal_each(JOURNAL_DIR, match, &search);
	if (ret < 0)
		return -1;
	if (ret > 0)
		return memcpy(id, search.id, NETNS_ID_MAX), 0;
	return netns_instance_id(search.word, id);
}

int instance_find(struct instance *instance, const struct cmd_call *call, bool lock)
{
	char id[NETNS_ID_MAX];

	memset(instance, 0, sizeof(*instance));
	if (find_id(call, id))
		return -1;
	instance->journal = journal_open(JOURNAL_DIR, id);
	if (!instance->journal || (lock && journal_lock(instance->journal, JOURNAL_LOCK_MS)))
		return -1;
	if (asprintf(&instance->pins, "%s/%s", call->globals->pin_root, id) < 0)
		return err(NULL, "out of memory");
	return 0;
}

void instance_close(struct instance *instance)
{
	journal_close(instance->journal);
	free(instance->pins);
}

/* The namespace's inode, or the interface's index, can have been given to somebody else since. */
bool instance_attached(const struct instance *instance)
{
	struct json_object *ifindex = NULL;
	struct link_info link;

	if (journal_phase(instance->journal) != JOURNAL_ATTACHED)
		return false;
	json_object_object_get_ex(journal_facts(instance->journal), "ifindex", &ifindex);
	return !link_find_index(json_object_get_int(ifindex), &link) &&
	       !strcmp(link.kind, "veth") && !strcmp(link.ifalias, "mape-xdp");
}

int instance_need(const struct instance *instance)
{
	enum journal_phase phase = journal_phase(instance->journal);

	if (instance_attached(instance))
		return CMD_OK;
	if (phase == JOURNAL_NONE)
		err("Attach first: mape-xdp attach WAN LAN", "not attached");
	else if (phase == JOURNAL_ATTACHED)
		err("Run the same attach again, or mape-xdp detach; both clean up first.",
		    "not attached any more: the tunnel interface was removed");
	else
		err("Run the same attach again, or mape-xdp detach; both clean up first.",
		    "not attached: an earlier %s did not finish",
		    phase == JOURNAL_DETACHING ? "detach" : "attach");
	return CMD_NOT_ATTACHED;
}

static int open_pin(const struct instance *instance, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", instance->pins, name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return err_sys(errno,
			       "Root is needed, and the --pin-root of the attach if it had one.",
			       "cannot open '%s'", path);
	return fd;
}

int instance_open_map(const struct instance *instance, const char *name)
{
	return open_pin(instance, name);
}

int instance_open_control(const struct instance *instance)
{
	return open_pin(instance, "control");
}

const char *instance_name(const struct instance *instance)
{
	const char *name = journal_id(instance->journal);
	struct netns ns;

	if (!netns_current(&ns))
		netns_owns_id(&ns, journal_id(instance->journal), &name);
	return name;
}

const char *instance_setting(const struct instance *instance, const char *key)
{
	struct json_object *settings = NULL, *value = NULL;
	const char *text;

	json_object_object_get_ex(journal_facts(instance->journal), "settings", &settings);
	json_object_object_get_ex(settings, key, &value);
	text = json_object_get_string(value);
	return text ? text : "";
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ask.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "cache.h"
#include "err.h"

static uint64_t now_s(void)
{
	return time(NULL);
}

static uint32_t dice(void)
{
	uint32_t n = 0;

	return getrandom(&n, sizeof(n), GRND_NONBLOCK) == sizeof(n) ? n : (uint32_t)now_s();
}

static enum prov_result parse(enum prov_source source, const struct prov_reply *reply,
			      struct prov_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	return prov_source_parser(source)(reply->bytes, reply->len, answer);
}

/* Passes on what is in the cache. */
static enum prov_result recall(enum prov_source source, const struct prov_cache *cache,
			       struct prov_saying *saying)
{
	uint64_t now = now_s();

	saying->cached = true;
	/* a clock that was set back makes the answer look new, not 500 years old */
	saying->age_s = now > cache->fetched ? now - cache->fetched : 0;
	saying->verified = cache->reply.verified;
	strcpy(saying->server, cache->reply.server);
	return parse(source, &cache->reply, saying->answer);
}

static void remember(struct prov_cache *cache, struct prov_reply *reply, const char *prefix,
		     const struct prov_saying *saying)
{
	prov_cache_drop(cache);
	cache->reply = *reply;
	cache->fetched = now_s();
	strcpy(cache->prefix, prefix);
	if (saying->answer->token[0])
		strcpy(cache->token, saying->answer->token);
	memset(reply, 0, sizeof(*reply));
}

/* Asks, and brings the cache up to date. *changed: the cache has something new to be saved. */
static enum prov_result ask(enum prov_source source, const struct prov_request *request,
			    const char *prefix, struct prov_cache *cache, bool *changed,
			    struct prov_saying *saying)
{
	prov_fetch *fetch = prov_source_fetch(source);
	struct prov_reply reply = {};
	enum prov_result result;
	bool drop;

	if (!fetch)
		return err("Build with WITH_PROVISIONING=1.",
			   "this mape-xdp was built without rule servers"),
		       PROV_UNSET;
	result = fetch(request, &reply);
	if (result == PROV_OK)
		result = parse(source, &reply, saying->answer);
	drop = prov_timing_note(&cache->timing, source, result, now_s(), saying->answer->ttl_s,
				dice());
	saying->verified = reply.verified;
	strcpy(saying->server, reply.server);
	*changed = result != PROV_UNSET;
	if (result == PROV_OK)
		remember(cache, &reply, prefix, saying);
	else if (drop)
		prov_cache_drop(cache);
	free(reply.bytes);
	return result;
}

/* The answer was good, only it cannot be kept: not a reason to fail. */
static void save(const struct prov_cache *cache, enum prov_source source,
		 const struct prov_request *request)
{
	struct err_saved *saved = err_save();

	if (prov_cache_save(cache, request->opts->state_dir, request->device, source)) {
		warn("what %s says is not kept for later: %s", prov_source_name(source),
		     err_text());
		err_clear();
	}
	err_restore(saved);
}

static void warn_silent(enum prov_source source, const struct prov_cache *cache)
{
	uint64_t now = now_s();

	warn("%s: %s; what it said %" PRIu64 " minutes ago still counts", prov_source_name(source),
	     err_text(), now > cache->fetched ? (now - cache->fetched) / 60 : 0);
}

static enum prov_result ask_or_recall(enum prov_source source, const struct prov_request *request,
				      struct prov_cache *cache, struct prov_saying *saying)
{
	bool fits, changed = false;
	enum prov_result result;
	char prefix[MAPE_PREFIX_STRLEN];

	mape_prefix6_str(request->prefix.ip6, request->prefix.len, prefix);
	fits = cache->reply.bytes && !strcmp(cache->prefix, prefix);
	/* fetched in the future: the clock was wrong then, or is now */
	if (fits && !request->opts->refresh && cache->fetched <= now_s() &&
	    now_s() < cache->timing.next) {
		result = recall(source, cache, saying);
		if (result == PROV_OK)
			return result;
	}
	result = ask(source, request, prefix, cache, &changed, saying);
	if (changed)
		save(cache, source, request);
	if (result == PROV_OK || !fits || !cache->reply.bytes)
		return result;
	if (result != PROV_UNSET)
		warn_silent(source, cache);
	err_clear();
	return recall(source, cache, saying);
}

enum prov_result prov_ask(enum prov_source source, const struct prov_request *request,
			  struct prov_saying *saying)
{
	struct prov_request with_token = *request;
	struct prov_cache cache;
	enum prov_result result = PROV_BAD;

	memset(saying, 0, sizeof(*saying));
	saying->answer = prov_answer_new();
	if (!saying->answer ||
	    prov_cache_load(&cache, request->opts->state_dir, request->device, source))
		return PROV_BAD;
	with_token.token = cache.token;
	result = ask_or_recall(source, &with_token, &cache, saying);
	prov_cache_free(&cache);
	return result;
}

/* links: vcs_local lib */
/* Deliveries of the local host: read strictly, signed, refused when forged. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/jsonx.h"
#include "vcs/local/local_event.h"
#include "vcs/local/local_names.h"
#include <stdio.h>
#include <string.h>

#define HEAD "0123456789012345678901234567890123456789"
#define PULL                                                                                       \
	"'pull':{'author':'alice','title':'T','head':'" HEAD "','head_ref':'f','base_ref':'main'}"
#define COMMON "'repo':'team/infra','clone_url':'/d/x.git','number':3,'actor':'bob',"

static const struct {
	const char *body;
	int result; /* 0 or the code */
	enum vcs_event_kind kind;
} rows[] = {
	{ "{'event':'opened'," COMMON PULL "}", 0, VCS_PULL_OPENED },
	{ "{'event':'pushed'," COMMON PULL ",'more':[1,{'x':2}]}", 0, VCS_PULL_PUSHED },
	{ "{'event':'merged'," COMMON PULL "}", 0, VCS_PULL_MERGED },
	{ "{'event':'comment'," COMMON PULL ",'comment':{'id':'c1','body':'x'}}", 0, VCS_COMMENT },
	{ "{'event':'approved'," COMMON PULL ",'review':{'author':'bob','head':'','body':''}}", 0,
		VCS_APPROVED },
	{ "{'event':'ping'}", 0, VCS_PING },
	{ "{'event':'push','repo':5}", 0, VCS_IGNORED },
	{ "{'event':'starred'}", 0, VCS_IGNORED },
	{ "{'event':'comment'," COMMON PULL "}", -ERR_SYNTAX, 0 },
	{ "{'event':'comment'," COMMON PULL ",'comment':{'id':'c1'}}", -ERR_SYNTAX, 0 },
	{ "{'event':'comment'," COMMON PULL ",'comment':['c1']}", -ERR_SYNTAX, 0 },
	{ "{'event':'approved'," COMMON PULL ",'review':{'author':'bob','head':'x','body':''}}",
		-ERR_SYNTAX, 0 },
	{ "{'event':'opened'," COMMON "'pull':5}", -ERR_SYNTAX, 0 },
	{ "{'event':'opened'," PULL "}", -ERR_SYNTAX, 0 },
	{ "{'event':'opened'," COMMON PULL ",'actor_is_bot':'no'}", -ERR_SYNTAX, 0 },
	{ "{'event':'opened','repo':'../x','clone_url':'/x','number':3,'actor':'bob'," PULL "}",
		-ERR_SYNTAX, 0 },
	{ "{'event':'opened','repo':'x','clone_url':'ext::sh','number':3,'actor':'bob'," PULL "}",
		-ERR_SYNTAX, 0 },
	{ "{'event':'opened','repo':'x','clone_url':'/x','number':0,'actor':'bob'," PULL "}",
		-ERR_SYNTAX, 0 },
	{ "{'event':'opened','repo':'x','clone_url':'/x','number':1.5,'actor':'bob'," PULL "}",
		-ERR_SYNTAX, 0 },
	{ "{'event':'opened','repo':'x','clone_url':'/x','number':'1','actor':'bob'," PULL "}",
		-ERR_SYNTAX, 0 },
	{ "{'event':'opened','repo':'x','clone_url':'/x','number':1,'actor':'@all'," PULL "}",
		-ERR_SYNTAX, 0 },
	{ "{'event':'opened','event':'merged'," COMMON PULL "}", -ERR_SYNTAX, 0 },
	{ "{'event':5}", -ERR_SYNTAX, 0 },
	{ "{}", -ERR_SYNTAX, 0 },
	{ "[]", -ERR_SYNTAX, 0 },
	{ "null", -ERR_SYNTAX, 0 },
	{ "", -ERR_SYNTAX, 0 },
	{ "{'event':'opened'", -ERR_SYNTAX, 0 },
};

static char *quoted(const char *text)
{
	char *copy = mem_strdup(text);

	for (char *p = copy; *p != '\0'; p++)
		*p = *p == '\'' ? '"' : *p;
	return copy;
}

static void reads_strictly(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		_cleanup_free_ char *body = quoted(rows[i].body);
		struct arena arena = { 0 };
		struct vcs_event event;
		struct err err;
		int r = local_event_read(body, strlen(body), &arena, &event, &err);

		if (r != rows[i].result || (r == 0 && event.kind != rows[i].kind))
			fail_msg("row %zu: %d %s", i, r, r < 0 ? err.text : "");
		if (r == 0 && event.kind == VCS_IGNORED)
			assert_non_null(event.ignored_why);
		arena_release(&arena);
	}
}

/* No prefix of a good event and no event with one byte changed does harm. */
static void survives_broken_bytes(void **state)
{
	(void)state;
	for (size_t row = 0; row < 5; row++) {
		_cleanup_free_ char *body = quoted(rows[row].body);
		size_t length = strlen(body);

		for (size_t i = 0; i < length; i++) {
			struct arena arena = { 0 };
			struct vcs_event event;
			struct err err;
			char kept = body[i];

			assert_true(local_event_read(body, i, &arena, &event, &err) < 0);
			for (size_t k = 0; k < 8; k++) {
				body[i] = "\"{}[\\\xff\n9"[k];
				if (local_event_read(body, length, &arena, &event, &err) == 0)
					assert_true(event.kind < VCS_EVENT_KIND_MAX);
			}
			body[i] = kept;
			arena_release(&arena);
		}
	}
}

static void refuses_large_bodies(void **state)
{
	size_t size = 10 << 20;
	_cleanup_free_ char *body = mem_alloc(size);
	struct arena arena = { 0 };
	struct vcs_event event;
	struct err err;

	(void)state;
	memset(body, '[', size);
	assert_int_equal(local_event_read(body, size, &arena, &event, &err), -ERR_LIMIT);
	assert_int_equal(local_event_read(body, 1 << 19, &arena, &event, &err), -ERR_SYNTAX);
	arena_release(&arena);
}

static void reads_what_it_wrote(void **state)
{
	struct vcs_event event = { .kind = VCS_COMMENT,
		.repo = "r",
		.clone_url = "/x",
		.number = 12,
		.actor = "bob",
		.actor_may_write = true,
		.author = "al",
		.title = "\"'`$(x)\xc3\xa9",
		.head = HEAD,
		.head_ref = "a;b",
		.base_ref = "main",
		.comment_id = "c9",
		.body = "x\n\t```" };
	_cleanup_json_ json_t *json = local_event_write(&event, NULL, "d", 1);
	_cleanup_free_ char *text = jsonx_text(json);
	struct arena arena = { 0 };
	struct vcs_event back;
	struct err err;

	(void)state;
	assert_int_equal(local_event_read(text, strlen(text), &arena, &back, &err), 0);
	assert_int_equal(back.kind, VCS_COMMENT);
	assert_string_equal(back.title, event.title);
	assert_string_equal(back.head_ref, event.head_ref);
	assert_string_equal(back.body, event.body);
	assert_int_equal(back.number, 12);
	assert_true(back.actor_may_write);
	arena_release(&arena);
}

static void refuses_forged_signatures(void **state)
{
	static const char body[] = "{\"event\":\"ping\"}";
	char good[LOCAL_SIGNATURE_MAX], bad[LOCAL_SIGNATURE_MAX];
	struct err err;

	(void)state;
	/* HMAC-SHA256 of RFC 4231, test case 2 */
	local_event_sign("Jefe", "what do ya want for nothing?", 28, good);
	assert_string_equal(
		good, "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	local_event_sign("key", body, strlen(body), good);
	assert_int_equal(local_event_verify("key", good, body, strlen(body), &err), 0);
	assert_int_equal(local_event_verify("kez", good, body, strlen(body), &err), -ERR_REFUSED);
	assert_int_equal(
		local_event_verify("key", good, body, strlen(body) - 1, &err), -ERR_REFUSED);
	assert_int_equal(local_event_verify("key", NULL, body, strlen(body), &err), -ERR_REFUSED);
	assert_int_equal(local_event_verify("key", "", body, strlen(body), &err), -ERR_REFUSED);
	assert_int_equal(
		local_event_verify("key", good + 7, body, strlen(body), &err), -ERR_REFUSED);
	for (size_t i = 0; i < strlen(good); i++) {
		memcpy(bad, good, sizeof(bad));
		bad[i] ^= 1;
		assert_int_equal(
			local_event_verify("key", bad, body, strlen(body), &err), -ERR_REFUSED);
	}
}

static void branch_names_of_git(void **state)
{
	static const char *const good[] = { "main", "a/b/c", "feature-1", "a;b", "$(id)", "@x",
		"a@b", "\xc3\xa4", "x.y", "lock", "a.lockx" };
	static const char *const bad[] = { "", "/", "a/", "/a", "a//b", ".a", "a/.b", "a..b", "a.",
		"a.lock", "a.lock/b", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b", "@",
		"a@{1}", "-a", "a\nb", "\x7f", "\xff" };

	(void)state;
	for (size_t i = 0; i < countof(good); i++) {
		if (!local_branch_is_valid(good[i]))
			fail_msg("%s", good[i]);
	}
	for (size_t i = 0; i < countof(bad); i++) {
		if (local_branch_is_valid(bad[i]))
			fail_msg("%s", bad[i]);
	}
}

int main(int argc, char **argv)
{
	CASE(reads_strictly);
	CASE(survives_broken_bytes);
	CASE(refuses_large_bodies);
	CASE(reads_what_it_wrote);
	CASE(refuses_forged_signatures);
	CASE(branch_names_of_git);
	return cases_run(argc, argv);
}

/* links: vcs_local lib_loop lib */
/* The embedded host over a shelf in memory: what people do, what the engine gets to know, what is
 * refused. */
#include "tests/lib/local_fake.h"

#include "orchestrator/lib/jsonx.h"
#include "vcs/local/local_event.h"
#include "vcs/local/local_names.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- tests ---- */

/* A case with a host and a shelf of its own. */
#define HOST_CASE(name)                                                                            \
	static void name##_on(struct fake *fake);                                                  \
	static void name(_unused_ void **state)                                                    \
	{                                                                                          \
		struct fake *fake = fake_new();                                                    \
                                                                                                   \
		name##_on(fake);                                                                   \
		fake_free(fake);                                                                   \
	}                                                                                          \
	static void name##_on(struct fake *fake)

HOST_CASE(opens_a_pull)
{
	struct arena arena = { 0 };
	struct vcs_event event;

	open_one(fake);
	assert_int_equal(json_integer_value(json_object_get(fake->answer, "number")), 1);
	assert_string_equal(text_of(fake->answer, "head"), oid('b'));
	event = newest(fake, &arena);
	assert_int_equal(event.kind, VCS_PULL_OPENED);
	assert_string_equal(event.host, "local");
	assert_string_equal(event.repo, "team/infra");
	assert_true(str_starts(event.clone_url, fake->data) &&
		    str_ends(event.clone_url, "/local/team/infra.git"));
	assert_int_equal(event.number, 1);
	assert_string_equal(event.actor, "alice");
	assert_string_equal(event.author, "alice");
	assert_string_equal(event.title, "A change");
	assert_string_equal(event.head, oid('b'));
	assert_string_equal(event.head_ref, "feature");
	assert_string_equal(event.base_ref, "main");
	assert_true(event.actor_may_write && !event.actor_is_bot && !event.from_fork);
	post(fake, "/local/pulls",
		"{'repo':'team/"
		"infra','title':'Again','head_ref':'feature','base_ref':'main','as':'bob'}");
	assert_int_equal(fake->status, 409);
	assert_int_equal(json_array_size(fake->inbox), 1);
	arena_release(&arena);
}

HOST_CASE(talks_and_reviews)
{
	struct arena arena = { 0 };
	struct vcs_event event;

	open_one(fake);
	post(fake, "/local/pulls/1/comments", "{'as':'bob','body':'sluice plan\\nplease'}");
	assert_int_equal(fake->status, 201);
	event = newest(fake, &arena);
	assert_int_equal(event.kind, VCS_COMMENT);
	assert_string_equal(event.actor, "bob");
	assert_string_equal(event.comment_id, text_of(fake->answer, "id"));
	assert_string_equal(event.body, "sluice plan\nplease");

	post(fake, "/local/pulls/1/approve", "{'as':'bob','head':'%s'}", oid('b'));
	assert_int_equal(fake->status, 200);
	event = newest(fake, &arena);
	assert_int_equal(event.kind, VCS_APPROVED);
	assert_string_equal(event.review_head, oid('b'));
	post(fake, "/local/pulls/1/approve", "{'as':'bob','head':'%s'}", oid('c'));
	assert_int_equal(fake->status, 409);
	post(fake, "/local/pulls/1/request-changes", "{'as':'carol','body':'no'}");
	assert_int_equal(newest(fake, &arena).kind, VCS_CHANGES_REQUESTED);
	assert_string_equal(newest(fake, &arena).body, "no");

	post(fake, "/local/pulls/1/dismiss", "{'as':'alice','reviewer':'bob'}");
	event = newest(fake, &arena);
	assert_int_equal(event.kind, VCS_REVIEW_DISMISSED);
	assert_string_equal(event.actor, "bob"); /* whose word is gone */
	post(fake, "/local/pulls/1/dismiss", "{'as':'bob'}");
	assert_int_equal(fake->status, 404);
	assert_int_equal(json_array_size(fake->inbox), 5);

	call(fake, "GET", "/local/pulls/1", "");
	assert_int_equal(json_array_size(json_object_get(fake->answer, "comments")), 1);
	assert_int_equal(json_array_size(json_object_get(fake->answer, "reviews")), 2);
	arena_release(&arena);
}

HOST_CASE(closes_reopens_merges)
{
	struct arena arena = { 0 };

	open_one(fake);
	post(fake, "/local/pulls/1/close", "{'as':'alice'}");
	assert_int_equal(newest(fake, &arena).kind, VCS_PULL_CLOSED);
	post(fake, "/local/pulls/1/close", "{'as':'alice'}");
	assert_int_equal(fake->status, 409);
	post(fake, "/local/pulls/1/approve", "{'as':'bob'}");
	assert_int_equal(fake->status, 409);
	set_branch(fake, "team/infra", "feature", 'd');
	post(fake, "/local/pulls/1/reopen", "{'as':'alice'}");
	assert_int_equal(newest(fake, &arena).kind, VCS_PULL_REOPENED);
	assert_string_equal(newest(fake, &arena).head, oid('d'));
	post(fake, "/local/pulls/1/merge", "{'as':'alice','commit':'%s'}", oid('9'));
	assert_int_equal(fake->status, 409);
	set_branch(fake, "team/infra", "main", '9');
	post(fake, "/local/pulls/1/merge", "{'as':'alice','commit':'%s'}", oid('9'));
	assert_int_equal(fake->status, 200);
	assert_int_equal(newest(fake, &arena).kind, VCS_PULL_MERGED);
	post(fake, "/local/pulls/1/reopen", "{'as':'alice'}");
	assert_int_equal(fake->status, 409);
	post(fake, "/local/pulls/1/comments", "{'as':'alice','body':'after'}");
	assert_int_equal(fake->status, 201);
	call(fake, "GET", "/local/pulls?state=open", "");
	assert_int_equal(json_array_size(fake->answer), 0);
	call(fake, "GET", "/local/pulls?repo=team%2Finfra&state=merged", "");
	assert_int_equal(json_array_size(fake->answer), 1);
	arena_release(&arena);
}

static void push(struct fake *fake, const char *ref, char old, char new)
{
	post(fake, "/local/push",
		"{'repo':'team/infra','pusher':'dave','refs':[{'ref':'%s','old':'%s','new':'%s'}]}",
		ref, oid(old), oid(new));
	assert_int_equal(fake->status, 200);
}

HOST_CASE(a_push_moves_the_head)
{
	struct arena arena = { 0 };

	open_one(fake);
	set_branch(fake, "team/infra", "other", 'b');
	push(fake, "refs/heads/other", '0', 'b');
	push(fake, "refs/tags/v1", '0', 'b');
	push(fake, "refs/heads/../../x", '0', 'b');
	assert_int_equal(json_array_size(fake->inbox), 1);
	set_branch(fake, "team/infra", "feature", 'd');
	push(fake, "refs/heads/feature", 'b', 'c'); /* somebody pushed d since: not dave's head */
	assert_int_equal(json_array_size(fake->inbox), 1);
	push(fake, "refs/heads/feature", 'c', 'd');
	assert_int_equal(newest(fake, &arena).kind, VCS_PULL_PUSHED);
	assert_string_equal(newest(fake, &arena).head, oid('d'));
	assert_string_equal(newest(fake, &arena).actor, "dave");
	assert_string_equal(newest(fake, &arena).author, "alice");
	push(fake, "refs/heads/feature", 'c', 'd'); /* told twice, heard once */
	assert_int_equal(json_array_size(fake->inbox), 2);
	push(fake, "refs/heads/feature", 'd', '0'); /* said to be deleted, but is there */
	assert_int_equal(json_array_size(fake->inbox), 2);
	arena_release(&arena);
}

/* Who opens a pull request has pushed it only when nobody else did. */
HOST_CASE(who_pushed_before_it_was_opened)
{
	static const char open[] = "{'repo':'team/infra','title':'T','head_ref':'early',"
				   "'base_ref':'main','as':'alice'}";
	struct arena arena = { 0 };

	open_one(fake);
	assert_string_equal(newest(fake, &arena).pusher, "alice"); /* before there was a hook */
	set_branch(fake, "team/infra", "early", 'e');
	push(fake, "refs/heads/early", '0', 'e');
	post(fake, "/local/pulls", open);
	assert_string_equal(newest(fake, &arena).actor, "alice");
	assert_string_equal(newest(fake, &arena).pusher, "dave");
	post(fake, "/local/pulls/2/close", "{'as':'alice'}");
	set_branch(fake, "team/infra", "early", 'f'); /* and the hook was not heard */
	post(fake, "/local/pulls/2/reopen", "{'as':'alice'}");
	assert_string_equal(newest(fake, &arena).pusher, "");
	post(fake, "/local/pulls/2/close", "{'as':'alice'}");
	push(fake, "refs/heads/early", 'e', 'f');
	post(fake, "/local/pulls", open);
	assert_string_equal(newest(fake, &arena).pusher, "dave");
	arena_release(&arena);
}

HOST_CASE(a_deleted_branch_closes)
{
	struct arena arena = { 0 };
	char path[200];

	open_one(fake);
	snprintf(path, sizeof(path), "%s/local/team/infra.git/refs/heads/feature", fake->data);
	assert_int_equal(unlink(path), 0);
	push(fake, "refs/heads/feature", 'b', '0');
	assert_int_equal(newest(fake, &arena).kind, VCS_PULL_CLOSED);
	post(fake, "/local/pulls/1/reopen", "{'as':'alice'}");
	assert_int_equal(fake->status, 404);
	arena_release(&arena);
}

HOST_CASE(reads_packed_branches)
{
	char path[200], text[600];

	open_one(fake);
	snprintf(path, sizeof(path), "%s/local/team/infra.git/packed-refs", fake->data);
	snprintf(text, sizeof(text),
		"# pack-refs with: peeled fully-peeled sorted\n%s refs/heads/main\n%s "
		"refs/heads/packed\n"
		"^%s\nnonsense\n%s refs/heads/packed2",
		oid('1'), oid('2'), oid('3'), oid('4'));
	put_file(path, text);
	post(fake, "/local/pulls",
		"{'repo':'team/"
		"infra','title':'P','head_ref':'packed','base_ref':'main','as':'alice'}");
	assert_string_equal(text_of(fake->answer, "head"), oid('2'));
	post(fake, "/local/pulls",
		"{'repo':'team/"
		"infra','title':'P','head_ref':'packed2','base_ref':'main','as':'alice'}");
	assert_string_equal(text_of(fake->answer, "head"), oid('4'));
	snprintf(path, sizeof(path), "%s/local/team/infra.git/refs/heads/bad", fake->data);
	put_file(path, "ref: refs/heads/main\n");
	post(fake, "/local/pulls",
		"{'repo':'team/"
		"infra','title':'P','head_ref':'bad','base_ref':'main','as':'alice'}");
	assert_int_equal(fake->status, 400);
	post(fake, "/local/pulls",
		"{'repo':'team/"
		"infra','title':'P','head_ref':'nope','base_ref':'main','as':'alice'}");
	assert_int_equal(fake->status, 404);
}

HOST_CASE(makes_and_adopts_repositories)
{
	static const char *const bad[] = { "", "/", "a/", "/a", "a/b/c", "..", "../x", "a/..",
		".git", "a.git", "a.lock", "x.new", "-x", "a b", "a;b", "a\\\\b", "\\u00e4",
		"a\\nb", "a'b", "." };
	char path[300], body[400];
	struct stat st;

	open_one(fake);
	snprintf(path, sizeof(path), "%s/local/team/infra.git/hooks/post-receive", fake->data);
	assert_int_equal(stat(path, &st), 0);
	assert_true((st.st_mode & 0111) != 0);
	assert_non_null(
		strstr(text_of(json_object_get(fake->documents, "local/repo/team/infra"), "hook"),
			"exec '/opt/it'\\''s/sluice' local-hook --data '"));
	post(fake, "/local/repos", "{'name':'team/infra'}");
	assert_int_equal(fake->status, 409);
	for (size_t i = 0; i < countof(bad); i++) {
		snprintf(body, sizeof(body), "{\"name\":\"%s\"}", bad[i]);
		call(fake, "POST", "/local/repos", body);
		if (fake->status != 400)
			fail_msg("%s: %d", bad[i], fake->status);
	}
	snprintf(path, sizeof(path), "%s/local/team/infra.git", fake->data);
	post(fake, "/local/repos", "{'name':'adopted','import':'%s'}", path);
	assert_int_equal(fake->status, 201);
	assert_false(json_is_true(json_object_get(fake->answer, "hook_set"))); /* it had one */
	for (size_t i = 0; i < 4; i++) {
		static const char *const places[] = { "relative", "/nonexistent", "/tmp",
			"/etc/passwd" };

		post(fake, "/local/repos", "{'name':'no%zu','import':'%s'}", i, places[i]);
		assert_int_equal(fake->status, 400);
	}
	call(fake, "GET", "/local/repos", "");
	assert_int_equal(json_array_size(fake->answer), 2);
}

HOST_CASE(permissions_are_told)
{
	struct arena arena = { 0 };

	open_one(fake);
	post(fake, "/local/people", "{'name':'eve','may_write':false}");
	post(fake, "/local/people", "{'name':'robot','is_bot':true}");
	assert_int_equal(json_object_size(fake->answer), 2);
	post(fake, "/local/pulls/1/approve", "{'as':'eve'}");
	assert_false(newest(fake, &arena).actor_may_write);
	post(fake, "/local/pulls/1/approve", "{'as':'robot'}");
	assert_true(newest(fake, &arena).actor_may_write && newest(fake, &arena).actor_is_bot);
	post(fake, "/local/pulls/1/approve", "{'as':'alice'}"); /* the gate decides, not the host */
	assert_int_equal(fake->status, 200);
	arena_release(&arena);
}

/* What a gate asks for, answered in the same call. */
static void on_facts(void *owner, const struct host_answer *answer, const struct err *err)
{
	const struct host_facts *facts = answer == NULL ? NULL : answer->facts;

	assert_null(err);
	assert_non_null(facts);
	*(struct host_facts *)owner = *facts; /* lists are borrowed, and looked at here */
	assert_int_equal(facts->person_count, 2);
	assert_int_equal(facts->people[0].may_write, WORD_YES);
	assert_int_equal(facts->people[1].may_write, WORD_NO);
	assert_int_equal(facts->member_count, 4);
	assert_int_equal(facts->members[0].is_member, WORD_YES); /* Bob is bob */
	assert_int_equal(facts->members[1].is_member, WORD_UNKNOWN);
	assert_int_equal(facts->members[2].is_member, WORD_NO);
}

HOST_CASE(tells_who_is_in_a_team)
{
	const char *people[] = { "Bob", "eve" }, *teams[] = { "acme/platform", "nobody-named-it" };
	const struct host_request request = { .call = HOST_FACTS,
		.repo = "team/infra",
		.number = 1,
		.people = people,
		.person_count = 2,
		.teams = teams,
		.team_count = 2 };
	struct vcs_host *port = local_host_port(fake->host);
	struct host_facts facts = { 0 };

	open_one(fake);
	post(fake, "/local/people", "{'name':'eve','may_write':false}");
	post(fake, "/local/teams", "{'team':'platform','person':'bob'}");
	post(fake, "/local/teams", "{'team':'platform','person':'BOB'}"); /* once */
	assert_int_equal(json_array_size(json_object_get(fake->answer, "platform")), 1);
	post(fake, "/local/teams", "{'team':'platform','person':'eve'}");
	post(fake, "/local/teams", "{'team':'platform','person':'eve','remove':true}");
	port->send(port, &request, on_facts, &facts);
	assert_int_equal(facts.mergeable, WORD_YES);
	assert_int_equal(facts.approved, WORD_NO);
	assert_true(facts.has_labels);
	post(fake, "/local/pulls/1/approve", "{'as':'bob'}");
	port->send(port, &request, on_facts, &facts);
	assert_int_equal(facts.approved, WORD_YES);
	post(fake, "/local/pulls/1/request-changes", "{'as':'dave'}");
	port->send(port, &request, on_facts, &facts);
	assert_int_equal(facts.approved, WORD_NO);
	post(fake, "/local/teams", "{'team':'platform','person':'dave','remove':true}");
	assert_int_equal(fake->status, 404);
	post(fake, "/local/teams", "{'team':'@x','person':'dave'}");
	assert_int_equal(fake->status, 400);
}

HOST_CASE(refuses_names)
{
	static const char *const bad[] = { "", "a b", "@x", "a/b", "a;b", "$(x)", "`x`", "<b>",
		"*x*", "_x_ ", "[a](b)", "|", "#1", "-x", ".x", "a\\nb", "a\\u0007", "\\u00e4",
		"sluice", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	char body[300];

	open_one(fake);
	for (size_t i = 0; i < countof(bad); i++) {
		snprintf(body, sizeof(body), "{\"as\":\"%s\",\"body\":\"x\"}", bad[i]);
		call(fake, "POST", "/local/pulls/1/comments", body);
		if (fake->status != 400)
			fail_msg("%s: %d", bad[i], fake->status);
	}
	assert_int_equal(json_array_size(fake->inbox), 1);
}

HOST_CASE(refuses_requests_and_changes_nothing)
{
	static const struct {
		const char *method, *path, *body;
		int status;
	} rows[] = {
		{ "GET", "/local/", "", 404 },
		{ "GET", "/local", "", 404 },
		{ "GET", "/other/pulls", "", 404 },
		{ "GET", "/local/pulls/", "", 404 },
		{ "GET", "/local/pulls/0", "", 404 },
		{ "GET", "/local/pulls/-1", "", 404 },
		{ "GET", "/local/pulls/2", "", 404 },
		{ "GET", "/local/pulls/9999999999999999999", "", 404 },
		{ "GET", "/local/pulls/1/", "", 404 },
		{ "GET", "/local/pulls/1/approve", "", 405 },
		{ "DELETE", "/local/pulls/1", "", 405 },
		{ "POST", "/local/pulls/1", "{}", 405 },
		{ "POST", "/local/pulls/1/eat", "{}", 404 },
		{ "POST", "/local/pulls/1/approve", "", 400 },
		{ "POST", "/local/pulls/1/approve", "[]", 400 },
		{ "POST", "/local/pulls/1/approve", "{}", 400 },
		{ "POST", "/local/pulls/1/approve", "{\"as\":5}", 400 },
		{ "POST", "/local/pulls/1/approve", "{\"as\":\"bob\",\"as\":\"eve\"}", 400 },
		{ "POST", "/local/pulls/1/approve", "{\"as\":\"bob\"} x", 400 },
		{ "POST", "/local/pulls/1/approve", "{\"as\":\"bob\",\"head\":[]}", 400 },
		{ "POST", "/local/pulls/1/comments", "{\"as\":\"bob\"}", 400 },
		{ "POST", "/local/pulls/1/comments", "{\"as\":\"bob\",\"body\":\"  \\n\"}", 400 },
		{ "POST", "/local/pulls/1/comments", "{\"as\":\"bob\",\"body\":\"\\u0000\"}", 400 },
		{ "POST", "/local/pulls/1/merge", "{\"as\":\"bob\",\"commit\":7}", 400 },
		{ "POST", "/local/pulls", "{\"as\":\"bob\"}", 400 },
		{ "POST", "/local/pulls",
			"{\"as\":\"bob\",\"repo\":\"../"
			"x\",\"title\":\"t\",\"head_ref\":\"a\",\"base_ref\":\"b\"}",
			400 },
		{ "POST", "/local/pulls",
			"{\"as\":\"bob\",\"repo\":\"no\",\"title\":\"t\",\"head_ref\":\"a\",\"base_"
			"ref\":\"b\"}",
			404 },
		{ "POST", "/local/pulls",
			"{\"as\":\"bob\",\"repo\":\"team/"
			"infra\",\"title\":\"a\\nb\",\"head_ref\":\"a\",\"base_ref\":\"b\"}",
			400 },
		{ "POST", "/local/pulls",
			"{\"as\":\"bob\",\"repo\":\"team/"
			"infra\",\"title\":\"t\",\"head_ref\":\"main\",\"base_ref\":\"main\"}",
			400 },
		{ "POST", "/local/pulls",
			"{\"as\":\"bob\",\"repo\":\"team/infra\",\"title\":\"t\",\"head_ref\":\"../"
			"../HEAD\",\"base_ref\":\"main\"}",
			400 },
		{ "POST", "/local/push", "{\"repo\":\"team/infra\",\"pusher\":\"x\",\"refs\":[5]}",
			400 },
		{ "POST", "/local/push", "{\"repo\":\"team/infra\",\"pusher\":\"x\",\"refs\":{}}",
			400 },
		{ "POST", "/local/push",
			"{\"repo\":\"team/infra\",\"pusher\":\"x\",\"refs\":[{\"ref\":\"refs/heads/"
			"feature\",\"new\":\"zz\"}]}",
			400 },
		{ "POST", "/local/people", "{\"name\":\"x\",\"may_write\":\"yes\"}", 400 },
		{ "POST", "/local/pulls/1/labels", "{\"as\":\"bob\"}", 400 },
		{ "POST", "/local/pulls/1/labels", "{\"as\":\"bob\",\"label\":\" x\"}", 400 },
		{ "POST", "/local/pulls/1/labels", "{\"as\":\"bob\",\"label\":\"a\\nb\"}", 400 },
		{ "POST", "/local/pulls/9/labels", "{\"as\":\"bob\",\"label\":\"x\"}", 404 },
		{ "POST", "/local/issues", "{\"as\":\"bob\"}", 405 },
	};
	json_t *before;

	open_one(fake);
	before = json_deep_copy(fake->documents);
	for (size_t i = 0; i < countof(rows); i++) {
		call(fake, rows[i].method, rows[i].path, rows[i].body);
		if (fake->status != rows[i].status || text_of(fake->answer, "error")[0] == '\0')
			fail_msg("%s %s %s: %d", rows[i].method, rows[i].path, rows[i].body,
				fake->status);
	}
	assert_true(json_equal(before, fake->documents)); /* a refusal changes nothing */
	assert_int_equal(json_array_size(fake->inbox), 1);
	json_decref(before);
}

HOST_CASE(refuses_large_requests)
{
	size_t size = 10 << 20;
	_cleanup_free_ char *body = mem_alloc(size + 1);

	open_one(fake);
	memset(body, '[', size);
	call(fake, "POST", "/local/pulls/1/comments", body);
	assert_int_equal(fake->status, 413);
	memset(body, 'x', size);
	memcpy(body, "{\"as\":\"bob\",\"body\":\"", 20);
	memcpy(body + 65536 + 21, "\"}", 3);
	call(fake, "POST", "/local/pulls/1/comments", body);
	assert_int_equal(fake->status, 413);
	memcpy(body + 65536 + 20, "\"}", 3);
	call(fake, "POST", "/local/pulls/1/comments", body);
	assert_int_equal(fake->status, 201);
	memset(body, '[', 1000);
	body[1000] = '\0';
	call(fake, "POST", "/local/pulls/1/comments", body);
	assert_int_equal(fake->status, 400);
}

/* Wherever the shelf fails, the call fails as a whole and says so. */
HOST_CASE(a_broken_shelf_is_told)
{
	int failures = 0;

	open_one(fake);
	for (int i = 0; i < 20; i++) {
		fake->fail_after = i;
		post(fake, "/local/pulls/1/comments", "{'as':'bob','body':'x'}");
		if (fake->status == -ERR_STORE)
			failures++;
		else
			assert_int_equal(fake->status, 201);
	}
	assert_true(failures >= 4);
}

/* ---- the engine's side ---- */

struct outcome {
	int calls;
	bool failed;
	struct err err;
	size_t pulls;
	char head[41];
	char actor[65];
	int64_t number, issue;
};

static void on_done(void *owner, const struct host_answer *answer, const struct err *err)
{
	struct outcome *outcome = owner;

	outcome->calls++;
	outcome->failed = err != NULL;
	if (err != NULL) {
		outcome->err = *err;
		return;
	}
	outcome->pulls = answer->pull_count;
	outcome->issue = answer->issue;
	if (answer->pull_count > 0) {
		assert_int_equal(answer->pulls[0].kind, VCS_PULL_OPENED);
		snprintf(outcome->head, sizeof(outcome->head), "%s", answer->pulls[0].head);
		snprintf(outcome->actor, sizeof(outcome->actor), "%s", answer->pulls[0].actor);
		outcome->number = answer->pulls[0].number;
	}
}

static struct outcome ask(struct fake *fake, struct host_request request)
{
	struct vcs_host *port = local_host_port(fake->host);
	struct outcome outcome = { .calls = 0 };

	if (request.repo == NULL)
		request.repo = "team/infra";
	port->send(port, &request, on_done, &outcome);
	assert_int_equal(outcome.calls, 1);
	return outcome;
}

HOST_CASE(our_comment_is_found_again)
{
	struct host_request first = { .call = HOST_COMMENT_UPSERT,
		.number = 1,
		.marker = "sluice:run:7",
		.body = "### planning" };
	struct host_request second = first;
	json_t *comments;

	open_one(fake);
	second.body = "### planned";
	assert_false(ask(fake, first).failed);
	post(fake, "/local/pulls/1/comments",
		"{'as':'mallory','body':'<!-- sluice:run:7 -->\\nforged'}");
	assert_false(ask(fake, second).failed);
	assert_false(ask(fake, second).failed);
	call(fake, "GET", "/local/pulls/1", "");
	comments = json_object_get(fake->answer, "comments");
	assert_int_equal(json_array_size(comments), 2);
	assert_string_equal(text_of(json_array_get(comments, 0), "author"), "sluice");
	assert_string_equal(
		text_of(json_array_get(comments, 0), "body"), "<!-- sluice:run:7 -->\n### planned");
	assert_string_equal(text_of(json_array_get(comments, 1), "author"), "mallory");
	assert_false(ask(fake,
		(struct host_request){
			.call = HOST_COMMENT_HIDE, .number = 1, .marker = "sluice:run:7" })
			     .failed);
	assert_false(ask(fake,
		(struct host_request){
			.call = HOST_COMMENT_HIDE, .number = 1, .marker = "sluice:run:8" })
			     .failed);
	call(fake, "GET", "/local/pulls/1", "");
	assert_true(json_is_true(json_object_get(
		json_array_get(json_object_get(fake->answer, "comments"), 0), "hidden")));
	assert_int_equal(json_array_size(fake->inbox), 2); /* our own words are no events */
	second.body = "caf\xe9";
	assert_true(ask(fake, second).failed);
	second.marker = "new -->";
	assert_true(ask(fake, second).failed);
	second = first;
	second.repo = "other";
	assert_int_equal(ask(fake, second).err.code, ERR_MISSING);
	second = first;
	second.number = 77;
	assert_int_equal(ask(fake, second).err.code, ERR_MISSING);
}

/* A comment is several documents: a shelf that fails between them must not leave one that the next
 * try does not find. */
HOST_CASE(our_comment_is_whole_or_not_there)
{
	struct host_request comment = { .call = HOST_COMMENT_UPSERT,
		.number = 1,
		.marker = "sluice:run:7",
		.body = "### planning" };
	int failures = 0;

	open_one(fake);
	for (fake->fail_after = 0; ask(fake, comment).failed; fake->fail_after = failures) {
		call(fake, "GET", "/local/pulls/1", "");
		assert_int_equal(json_array_size(json_object_get(fake->answer, "comments")), 0);
		assert_in_range(++failures, 1, 20);
	}
	assert_in_range(failures, 2, 20);
	fake->fail_after = -1;
	call(fake, "GET", "/local/pulls/1", "");
	assert_int_equal(json_array_size(json_object_get(fake->answer, "comments")), 1);
}

HOST_CASE(statuses_and_reactions)
{
	struct host_request status = { .call = HOST_STATUS_SET,
		.number = 1,
		.context = "sluice/plan",
		.description = "2 ready",
		.status = STATUS_PENDING };
	struct host_request reaction = {
		.call = HOST_REACT, .number = 1, .comment_id = "c1", .body = "eyes"
	};
	json_t *statuses;
	char description[142];

	open_one(fake);
	status.head = oid('b');
	assert_false(ask(fake, status).failed);
	status.status = STATUS_SUCCESS;
	assert_false(ask(fake, status).failed);
	call(fake, "GET", "/local/pulls/1", "");
	statuses = json_object_get(fake->answer, "statuses");
	assert_int_equal(json_array_size(statuses), 1);
	assert_string_equal(text_of(json_array_get(statuses, 0), "state"), "success");
	memset(description, 'x', 141);
	description[141] = '\0';
	status.description = description;
	assert_true(ask(fake, status).failed);
	assert_true(ask(fake, reaction).failed);
	post(fake, "/local/pulls/1/comments", "{'as':'bob','body':'plan'}");
	assert_false(ask(fake, reaction).failed);
	assert_false(ask(fake, reaction).failed);
	reaction.comment_id = "c1/../c2";
	assert_true(ask(fake, reaction).failed);
	call(fake, "GET", "/local/pulls/1", "");
	assert_int_equal(
		json_array_size(json_object_get(
			json_array_get(json_object_get(fake->answer, "comments"), 0), "reactions")),
		1);
}

/* The labels of pull 1, as "a b ", the way a gate sees them. */
static void on_labels(void *owner, const struct host_answer *answer, const struct err *err)
{
	struct strbuf *text = owner;

	assert_null(err);
	strbuf_truncate(text, 0);
	for (size_t i = 0; i < answer->facts->label_count; i++)
		strbuf_printf(text, "%s ", answer->facts->labels[i]);
}

static const char *labels_of(struct fake *fake, struct strbuf *text)
{
	struct vcs_host *port = local_host_port(fake->host);

	port->send(port,
		&(struct host_request){ .call = HOST_FACTS, .repo = "team/infra", .number = 1 },
		on_labels, text);
	return strbuf_text(text);
}

HOST_CASE(labels_come_and_go)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(1000);
	struct host_request label = { .call = HOST_LABEL, .number = 1, .label = "hot" };

	open_one(fake);
	assert_string_equal(labels_of(fake, &text), "");
	assert_false(ask(fake, label).failed); /* it is not there */
	label.is_wanted = true;
	assert_false(ask(fake, label).failed);
	assert_false(ask(fake, label).failed);
	post(fake, "/local/pulls/1/labels", "{'as':'bob','label':'cold'}");
	assert_int_equal(fake->status, 200);
	assert_string_equal(labels_of(fake, &text), "hot cold ");
	label.is_wanted = false;
	assert_false(ask(fake, label).failed);
	assert_string_equal(labels_of(fake, &text), "cold ");
	post(fake, "/local/people", "{'name':'eve','may_write':false}");
	post(fake, "/local/pulls/1/labels", "{'as':'eve','label':'cold','remove':true}");
	assert_int_equal(fake->status, 403);
	post(fake, "/local/pulls/1/labels", "{'as':'bob','label':'cold','remove':true}");
	assert_string_equal(labels_of(fake, &text), "");
	label.number = 2;
	assert_int_equal(ask(fake, label).err.code, ERR_MISSING);
}

HOST_CASE(an_issue_is_kept_by_its_marker)
{
	struct host_request issue = { .call = HOST_ISSUE, .marker = "drift:p0" };
	const json_t *one;

	open_one(fake);
	assert_int_equal(ask(fake, issue).issue, 0); /* there is none to close */
	issue.is_wanted = true;
	assert_int_equal(ask(fake, issue).err.code, ERR_BUG);
	issue.title = "p0 has drifted";
	issue.body = "one thing";
	assert_int_equal(ask(fake, issue).issue, 1);
	issue.body = "two things";
	assert_int_equal(ask(fake, issue).issue, 1);
	issue.marker = "drift:p1";
	assert_int_equal(ask(fake, issue).issue, 2);
	call(fake, "GET", "/local/issues?repo=team%2Finfra&state=open", "");
	assert_int_equal(json_array_size(fake->answer), 2);
	issue = (struct host_request){ .call = HOST_ISSUE, .marker = "drift:p0" };
	assert_int_equal(ask(fake, issue).issue, 1);
	call(fake, "GET", "/local/issues?state=closed", "");
	one = json_array_get(fake->answer, 0);
	assert_int_equal(json_array_size(fake->answer), 1);
	assert_string_equal(text_of(one, "title"), "p0 has drifted");
	assert_string_equal(text_of(one, "body"), "two things");
	issue.repo = "no/where";
	assert_int_equal(ask(fake, issue).err.code, ERR_MISSING);
}

HOST_CASE(lists_open_pulls_with_new_heads)
{
	struct outcome outcome;

	open_one(fake);
	outcome = ask(fake, (struct host_request){ .call = HOST_LIST_OPEN });
	assert_int_equal(outcome.pulls, 1);
	assert_string_equal(outcome.head, oid('b'));
	assert_string_equal(outcome.actor, "alice");
	set_branch(fake, "team/infra", "feature", 'e'); /* while nobody looked */
	outcome = ask(fake, (struct host_request){ .call = HOST_LIST_OPEN });
	assert_string_equal(outcome.head, oid('e'));
	assert_false(local_person_is_valid(outcome.actor)); /* nobody is named for it */
	post(fake, "/local/pulls/1/close", "{'as':'alice'}");
	assert_int_equal(ask(fake, (struct host_request){ .call = HOST_LIST_OPEN }).pulls, 0);
	assert_true(
		ask(fake, (struct host_request){ .call = HOST_LIST_OPEN, .repo = "no" }).failed);
}

HOST_CASE(makes_the_body_of_a_push)
{
	_cleanup_strbuf_ struct strbuf body = STRBUF(10000);
	struct arena arena = { 0 };
	char lines[300];
	struct err err;

	open_one(fake);
	set_branch(fake, "team/infra", "feature", 'c');
	snprintf(lines, sizeof(lines), "%s %s refs/heads/feature\n%s %s refs/heads/x y\n", oid('b'),
		oid('c'), oid('0'), oid('1'));
	assert_int_equal(
		local_push_body("team/infra", "dave", lines, strlen(lines), &body, &err), 0);
	call(fake, "POST", "/local/push", strbuf_text(&body));
	assert_int_equal(fake->status, 200);
	assert_int_equal(newest(fake, &arena).kind, VCS_PULL_PUSHED);
	assert_true(local_push_body("team/infra", "dave", "nonsense\n", 9, &body, &err) < 0);
	assert_int_equal(local_push_body("r", "dave", "", 0, &body, &err), 0);
	arena_release(&arena);
}

static void refuses_a_short_secret(void **state)
{
	struct local_host *host;
	struct err err;

	(void)state;
	assert_int_equal(
		local_host_new(&(struct local_host_options){ .secret = "short" }, &host, &err),
		-ERR_CONFIG);
	local_host_free(NULL);
}

int main(int argc, char **argv)
{
	CASE(opens_a_pull);
	CASE(talks_and_reviews);
	CASE(closes_reopens_merges);
	CASE(a_push_moves_the_head);
	CASE(who_pushed_before_it_was_opened);
	CASE(a_deleted_branch_closes);
	CASE(reads_packed_branches);
	CASE(makes_and_adopts_repositories);
	CASE(permissions_are_told);
	CASE(tells_who_is_in_a_team);
	CASE(refuses_names);
	CASE(refuses_requests_and_changes_nothing);
	CASE(refuses_large_requests);
	CASE(a_broken_shelf_is_told);
	CASE(our_comment_is_found_again);
	CASE(our_comment_is_whole_or_not_there);
	CASE(statuses_and_reactions);
	CASE(labels_come_and_go);
	CASE(an_issue_is_kept_by_its_marker);
	CASE(lists_open_pulls_with_new_heads);
	CASE(makes_the_body_of_a_push);
	CASE(refuses_a_short_secret);
	return cases_run(argc, argv);
}

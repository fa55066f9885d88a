/* Who wrote the commits of a pull request. A person too many costs an approval, a person too few
 * lets somebody approve their own work: so every line that names a co-author counts, wherever it
 * stands, and a limit is an error. */
#include "vcs/git/people.h"
#include "vcs/git/limits.h"
#include "vcs/git/names.h"
#include <string.h>
#include <strings.h>

struct people {
	struct arena *arena;
	struct identity *items;
	size_t count;
};

static const char *trimmed(struct arena *arena, const char *text, size_t length)
{
	while (length > 0 && (text[0] == ' ' || text[0] == '\t')) {
		text++;
		length--;
	}
	while (length > 0 && strchr(" \t\r", text[length - 1]) != NULL)
		length--;
	return name_shown(arena, text, length, LIMIT_PERSON_BYTES);
}

static int person_add(struct people *people, struct identity person, struct err *err)
{
	for (size_t i = 0; i < people->count; i++) {
		if (strcmp(people->items[i].name, person.name) == 0 &&
			strcmp(people->items[i].email, person.email) == 0)
			return 0;
	}
	if (people->count == LIMIT_PEOPLE)
		return err_user(err, ERR_LIMIT,
			"more than %d people wrote the commits of the pull request", LIMIT_PEOPLE);
	people->items = arena_push(
		people->arena, people->items, people->count, sizeof(people->items[0]));
	people->items[people->count++] = person;
	return 0;
}

static int signature_add(struct people *people, const git_signature *who, struct err *err)
{
	return person_add(people,
		(struct identity){ .name = trimmed(people->arena, who->name, strlen(who->name)),
			.email = trimmed(people->arena, who->email, strlen(who->email)) },
		err);
}

bool people_trailer(const char *line, size_t length, struct arena *arena, struct identity *ret)
{
	static const char key[] = "co-authored-by:";
	const char *open, *close, *end = line + length;

	while (line < end && (*line == ' ' || *line == '\t'))
		line++;
	if ((size_t)(end - line) < sizeof(key) - 1 || strncasecmp(line, key, sizeof(key) - 1) != 0)
		return false;
	line += sizeof(key) - 1;
	open = memchr(line, '<', (size_t)(end - line));
	close = open != NULL ? memchr(open, '>', (size_t)(end - open)) : NULL;
	if (open == NULL)
		open = end;
	ret->name = trimmed(arena, line, (size_t)(open - line));
	ret->email = close != NULL ? trimmed(arena, open + 1, (size_t)(close - open) - 1) : "";
	return ret->name[0] != '\0' || ret->email[0] != '\0';
}

static int message_add(struct people *people, const char *message, struct err *err)
{
	size_t length = strlen(message);
	int r = 0;

	if (length > LIMIT_MESSAGE_BYTES)
		return err_user(err, ERR_LIMIT, "a commit message is longer than %d bytes",
			LIMIT_MESSAGE_BYTES);
	while (r == 0 && *message != '\0') {
		size_t line = strcspn(message, "\n");
		struct identity person;

		if (people_trailer(message, line, people->arena, &person))
			r = person_add(people, person, err);
		message += line;
		message += *message == '\n';
	}
	return r;
}

static int commit_add(
	struct people *people, git_repository *repo, const git_oid *oid, struct err *err)
{
	_cleanup_(git_commit_freep) git_commit *commit = NULL;
	int code = git_commit_lookup(&commit, repo, oid);
	int r = code < 0 ? libgit_fail(err, code, "cannot read a commit of the pull request") : 0;

	if (r == 0)
		r = signature_add(people, git_commit_author(commit), err);
	if (r == 0)
		r = signature_add(people, git_commit_committer(commit), err);
	if (r == 0)
		r = message_add(people, git_commit_message_raw(commit), err);
	return r;
}

int people_list(git_repository *repo, struct arena *arena, const git_oid *base, const git_oid *head,
	struct identity **ret, size_t *ret_count, struct err *err)
{
	_cleanup_(git_revwalk_freep) git_revwalk *walk = NULL;
	struct people people = { .arena = arena };
	int commits = 0, r = 0;
	git_oid oid;
	int code = git_revwalk_new(&walk, repo);

	if (code == 0)
		code = git_revwalk_push(walk, head);
	if (code == 0)
		code = git_revwalk_hide(walk, base);
	if (code < 0)
		return libgit_fail(err, code, "cannot walk the commits of the pull request");
	while (r == 0 && (code = git_revwalk_next(&oid, walk)) == 0) {
		if (++commits > LIMIT_COMMITS)
			return err_user(err, ERR_LIMIT, "the pull request has more than %d commits",
				LIMIT_COMMITS);
		r = commit_add(&people, repo, &oid, err);
	}
	if (r == 0 && code != GIT_ITEROVER)
		r = libgit_fail(err, code, "cannot walk the commits of the pull request");
	*ret = people.items;
	*ret_count = people.count;
	return r;
}

/* links: lib */
/* Marks hold for one text and one key, and the file of the key is for one reader. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/seal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static char *key_path(const char *name)
{
	return mem_printf("%s/%s", cases_folder(), name);
}

static void is_made_once(_unused_ void **state)
{
	_cleanup_free_ char *path = key_path("once.key"), *other_path = key_path("other.key");
	struct seal first, again, other;
	char mark[SEAL_MARK_MAX];
	struct stat st;
	struct err err;

	assert_ok(seal_open(path, &first, &err), &err);
	assert_ok(seal_open(path, &again, &err), &err);
	assert_ok(seal_open(other_path, &other, &err), &err);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	seal_mark(&first, "text", mark);
	assert_int_equal(seal_check(&again, "text", mark), SEAL_HOLDS);
	assert_int_equal(seal_check(&other, "text", mark), SEAL_OF_ANOTHER);
	seal_release(&first);
	assert_string_equal(first.id, "");
}

static void a_changed_text_or_mark_does_not_hold(_unused_ void **state)
{
	static const uint8_t key[SHA256_BYTES] = { 1, 2, 3 };
	char mark[SEAL_MARK_MAX], changed[SEAL_MARK_MAX + 2];
	struct seal seal;

	seal_of_key(key, &seal);
	seal_mark(&seal, "text", mark);
	assert_int_equal(strlen(mark), SEAL_MARK_MAX - 1);
	assert_int_equal(seal_check(&seal, "texts", mark), SEAL_BROKEN);
	assert_int_equal(seal_check(&seal, "", mark), SEAL_BROKEN);
	assert_int_equal(seal_check(&seal, "text", ""), SEAL_MISSING);
	assert_int_equal(seal_check(&seal, "text", NULL), SEAL_MISSING);
	for (size_t i = 0; i < strlen(mark); i++) {
		memcpy(changed, mark, sizeof(mark));
		changed[i] = changed[i] == '0' ? '1' : '0';
		assert_int_equal(seal_check(&seal, "text", changed),
			i < SEAL_ID_HEX ? SEAL_OF_ANOTHER : SEAL_BROKEN);
		memcpy(changed, mark, sizeof(mark));
		changed[i] = '\0';
		assert_int_not_equal(seal_check(&seal, "text", changed), SEAL_HOLDS);
	}
	memcpy(changed, mark, sizeof(mark));
	changed[strlen(mark)] = '0';
	changed[strlen(mark) + 1] = '\0';
	assert_int_equal(seal_check(&seal, "text", changed), SEAL_BROKEN);
}

/* RFC 4231, case 2, with its short key filled up as HMAC fills it up itself. */
static void is_an_hmac(_unused_ void **state)
{
	static const uint8_t key[SHA256_BYTES] = "Jefe";
	char mark[SEAL_MARK_MAX];
	struct seal seal;

	seal_of_key(key, &seal);
	seal_mark(&seal, "what do ya want for nothing?", mark);
	assert_string_equal(mark + SEAL_ID_HEX,
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static const struct bad {
	const char *name, *bytes, *says;
	mode_t mode;
} bads[] = {
	{ "short", "0123456789", "is not a key of sluice", 0600 },
	{ "empty", "", "is not a key of sluice", 0600 },
	{ "long", "0123456789abcdef0123456789abcdef0", "is not a key of sluice", 0600 },
	{ "readable", "0123456789abcdef0123456789abcdef", "others may read the key", 0640 },
};

static void refuses_a_bad_file(void **state)
{
	const struct bad *row = *state;
	_cleanup_free_ char *path = key_path(row->name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, row->mode);
	struct seal seal;
	struct err err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, row->bytes, strlen(row->bytes)), strlen(row->bytes));
	assert_int_equal(fchmod(fd, row->mode), 0);
	close(fd);
	assert_err(seal_open(path, &seal, &err), &err, ERR_CONFIG, row->says);
}

static void follows_no_link(_unused_ void **state)
{
	_cleanup_free_ char *path = key_path("link.key"), *to = key_path("nowhere");
	struct seal seal;
	struct err err;

	assert_int_equal(symlink(to, path), 0);
	assert_err(seal_open(path, &seal, &err), &err, ERR_CONFIG, "cannot read the key");
}

int main(int argc, char **argv)
{
	CASE(is_made_once);
	CASE(a_changed_text_or_mark_does_not_hold);
	CASE(is_an_hmac);
	CASES(bads, refuses_a_bad_file);
	CASE(follows_no_link);
	return cases_run(argc, argv);
}

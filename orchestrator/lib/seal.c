/* A key in a file, and marks made with it. */
#include "orchestrator/lib/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { ID_BYTES = (SEAL_ID_HEX - 1) / 2 };

void seal_of_key(const uint8_t key[SHA256_BYTES], struct seal *ret)
{
	static const char what[] = "the name of this key";
	struct sha256 hash;

	memmove(ret->key, key, SHA256_BYTES);
	codec_hmac_sha256(ret->key, SHA256_BYTES, what, strlen(what), &hash);
	codec_hex(hash.bytes, ID_BYTES, ret->id);
}

void seal_release(struct seal *seal)
{
	explicit_bzero(seal, sizeof(*seal));
}

/* Under another name first: a crash must not leave half a key. */
static int make_key(const char *path, uint8_t key[SHA256_BYTES], struct err *err)
{
	_cleanup_free_ char *fresh = mem_printf("%s.new", path), *folder = mem_strdup(path);
	_cleanup_fd_ int fd = -1, folder_fd = -1;
	char *slash = strrchr(folder, '/');

	if (slash != NULL)
		*slash = '\0';
	codec_random(key, SHA256_BYTES);
	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	folder_fd = open(slash == NULL ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || folder_fd < 0 || write(fd, key, SHA256_BYTES) != SHA256_BYTES ||
		fsync(fd) < 0 || rename(fresh, path) < 0 || fsync(folder_fd) < 0)
		return err_sys(err, ERR_CONFIG, errno, "cannot write the key %s", path);
	return 0;
}

static int read_key(int fd, const char *path, uint8_t key[SHA256_BYTES], struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size != SHA256_BYTES ||
		read(fd, key, SHA256_BYTES) != SHA256_BYTES)
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"%s is not a key of sluice; bring it back from a copy, or remove it: a new "
			"one is made then, and what was planned before must be planned again",
			path);
	if ((st.st_mode & 077) != 0 || st.st_uid != geteuid())
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"others may read the key %s, and who has it can write plans that this "
			"server applies; remove it, and plan again what waits",
			path);
	return 0;
}

int seal_open(const char *path, struct seal *ret, struct err *err)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	uint8_t key[SHA256_BYTES];
	int r;

	if (fd >= 0)
		r = read_key(fd, path, key, err);
	else if (errno == ENOENT)
		r = make_key(path, key, err);
	else
		r = err_sys(err, ERR_CONFIG, errno, "cannot read the key %s", path);
	if (r == 0)
		seal_of_key(key, ret);
	explicit_bzero(key, sizeof(key));
	return r;
}

void seal_mark(const struct seal *seal, const char *text, char ret[SEAL_MARK_MAX])
{
	struct sha256 hash;

	codec_hmac_sha256(seal->key, SHA256_BYTES, text, strlen(text), &hash);
	memcpy(ret, seal->id, SEAL_ID_HEX - 1);
	ret[SEAL_ID_HEX - 1] = ':';
	codec_hex(hash.bytes, SHA256_BYTES, ret + SEAL_ID_HEX);
}

enum seal_verdict seal_check(const struct seal *seal, const char *text, const char *mark)
{
	char wanted[SEAL_MARK_MAX];

	if (str_empty(mark))
		return SEAL_MISSING;
	seal_mark(seal, text, wanted);
	if (strncmp(mark, wanted, SEAL_ID_HEX) != 0)
		return SEAL_OF_ANOTHER;
	return strlen(mark) == strlen(wanted) && codec_equal(mark, wanted, strlen(wanted))
		       ? SEAL_HOLDS
		       : SEAL_BROKEN;
}

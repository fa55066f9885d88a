/* Hashes through libcrypto's plain SHA-256 functions: linked statically they bring a few kilobytes,
 * where the provider interface would bring megabytes into sluice-job. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "orchestrator/lib/codec.h"

#include <errno.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/random.h>

enum { SHA256_BLOCK = 64 };

static const char digits[] = "0123456789abcdef";

void codec_hex(const uint8_t *bytes, size_t length, char *out)
{
	for (size_t i = 0; i < length; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

static char *base64(const uint8_t *bytes, size_t length, const char *last_two, char *out)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

	for (size_t i = 0; i < length; i += 3) {
		size_t left = length - i;
		uint32_t group = (uint32_t)bytes[i] << 16 |
				 (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
				 (left > 2 ? bytes[i + 2] : 0);

		for (size_t k = 0; k < (left > 2 ? 4 : left + 1); k++) {
			uint32_t six = group >> (18 - 6 * k) & 63;

			*out++ = six < 62 ? letters[six] : last_two[six - 62];
		}
	}
	*out = '\0';
	return out;
}

void codec_base64url(const uint8_t *bytes, size_t length, char *out)
{
	base64(bytes, length, "-_", out);
}

void codec_base64(const uint8_t *bytes, size_t length, char *out)
{
	char *end = base64(bytes, length, "+/", out);

	for (; (end - out) % 4 != 0; end++)
		*end = '=';
	*end = '\0';
}

static int unhex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

char *codec_url_word(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_-.~";
	char *encoded = mem_alloc(3 * strlen(text) + 1), *out = encoded;

	for (; *text != '\0'; text++) {
		if (strchr(plain, *text) != NULL) {
			*out++ = *text;
		} else {
			*out++ = '%';
			codec_hex((const uint8_t *)text, 1, out);
			out += 2;
		}
	}
	return encoded;
}

bool codec_unhex(const char *hex, size_t hex_length, uint8_t *out)
{
	if (hex_length % 2 != 0)
		return false;
	for (size_t i = 0; i < hex_length; i += 2) {
		int high = unhex_digit(hex[i]), low = unhex_digit(hex[i + 1]);

		if (high < 0 || low < 0)
			return false;
		*out++ = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* SHA256() itself would go through the provider interface. */
static void hash(const void *bytes, size_t length, uint8_t *out)
{
	SHA256_CTX context;

	SHA256_Init(&context);
	SHA256_Update(&context, bytes, length);
	SHA256_Final(out, &context);
}

void codec_sha256(const void *bytes, size_t length, struct sha256 *ret)
{
	hash(bytes, length, ret->bytes);
}

void codec_sha256_hex(const void *bytes, size_t length, char ret[SHA256_HEX])
{
	struct sha256 sha;

	codec_sha256(bytes, length, &sha);
	codec_hex(sha.bytes, SHA256_BYTES, ret);
}

int codec_sha256_fd(int fd, char ret[SHA256_HEX], struct err *err)
{
	struct sha256 sha;
	char chunk[32768];
	SHA256_CTX context;
	ssize_t got;

	SHA256_Init(&context);
	while ((got = read(fd, chunk, sizeof(chunk))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, ERR_SYSTEM, errno, "cannot read the file to hash");
		SHA256_Update(&context, chunk, (size_t)got);
	}
	SHA256_Final(sha.bytes, &context);
	codec_hex(sha.bytes, SHA256_BYTES, ret);
	return 0;
}

void codec_hmac_sha256(
	const void *key, size_t key_length, const void *bytes, size_t length, struct sha256 *ret)
{
	uint8_t block[SHA256_BLOCK] = { 0 }, pad[SHA256_BLOCK];
	SHA256_CTX context;

	if (key_length > SHA256_BLOCK)
		hash(key, key_length, block);
	else
		memcpy(block, key, key_length);
	for (size_t i = 0; i < SHA256_BLOCK; i++)
		pad[i] = block[i] ^ 0x36;
	SHA256_Init(&context);
	SHA256_Update(&context, pad, SHA256_BLOCK);
	SHA256_Update(&context, bytes, length);
	SHA256_Final(ret->bytes, &context);
	for (size_t i = 0; i < SHA256_BLOCK; i++)
		pad[i] = block[i] ^ 0x5c;
	SHA256_Init(&context);
	SHA256_Update(&context, pad, SHA256_BLOCK);
	SHA256_Update(&context, ret->bytes, SHA256_BYTES);
	SHA256_Final(ret->bytes, &context);
	explicit_bzero(block, sizeof(block));
	explicit_bzero(pad, sizeof(pad));
}

bool codec_equal(const void *a, const void *b, size_t length)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t different = 0;

	for (size_t i = 0; i < length; i++)
		different |= x[i] ^ y[i];
	return different == 0;
}

void codec_random(void *out, size_t length)
{
	uint8_t *at = out;

	while (length > 0) {
		ssize_t got = getrandom(at, length, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort();
		at += got;
		length -= (size_t)got;
	}
}

void codec_random_hex(char *out, size_t hex_length)
{
	for (size_t i = 0; i < hex_length; i++) {
		uint8_t byte;

		codec_random(&byte, 1);
		out[i] = digits[byte & 15];
	}
	out[hex_length] = '\0';
}

bool codec_is_hex(const char *text, size_t length)
{
	return text != NULL && strspn(text, digits) == length && text[length] == '\0';
}

/* Bytes of the sequence that begins with `first`, and the least code point that may need so many; 0
 * when it begins none. */
static size_t utf8_length(uint8_t first, uint32_t *ret_least, uint32_t *ret_bits)
{
	static const struct {
		uint8_t mask, mark;
		uint32_t least;
	} forms[] = { { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 },
		{ 0xf8, 0xf0, 0x10000 } };

	for (size_t i = 0; i < countof(forms); i++) {
		if ((first & forms[i].mask) == forms[i].mark) {
			*ret_least = forms[i].least;
			*ret_bits = first & (uint8_t)~forms[i].mask;
			return i + 1;
		}
	}
	return 0;
}

size_t codec_utf8_prefix(const char *text, size_t length)
{
	size_t at = 0;

	while (at < length) {
		uint32_t least, point;
		size_t count = utf8_length((uint8_t)text[at], &least, &point);

		if (count == 0 || count > length - at)
			break;
		for (size_t i = 1; i < count; i++) {
			uint8_t byte = (uint8_t)text[at + i];

			if ((byte & 0xc0) != 0x80)
				return at;
			point = point << 6 | (byte & 0x3f);
		}
		if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
			break;
		at += count;
	}
	return at;
}

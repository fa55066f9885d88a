/* links: lib */
/* Hashes against published vectors, hex, UTF-8. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/codec.h"

#include <fcntl.h>
#include <string.h>

struct hash_case {
	const char *name, *text, *hex;
};

/* FIPS 180-4 examples */
static const struct hash_case hash_cases[] = {
	{ "nothing", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "one block", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ "two blocks", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

static void hashes(void **state)
{
	const struct hash_case *row = *state;
	char hex[SHA256_HEX];

	codec_sha256_hex(row->text, strlen(row->text), hex);
	assert_string_equal(hex, row->hex);
}

static int file_with(const char *bytes, size_t length)
{
	int fd = open(cases_folder(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	return fd;
}

static void hashes_a_file_from_its_offset(_unused_ void **state)
{
	static char bytes[100000];
	char hex[SHA256_HEX], expected[SHA256_HEX];
	_cleanup_fd_ int fd = -1;
	struct err err;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7);
	fd = file_with(bytes, sizeof(bytes));
	assert_int_equal(lseek(fd, 10, SEEK_SET), 10);
	assert_ok(codec_sha256_fd(fd, hex, &err), &err);
	codec_sha256_hex(bytes + 10, sizeof(bytes) - 10, expected);
	assert_string_equal(hex, expected);
}

static void a_folder_has_no_hash(_unused_ void **state)
{
	_cleanup_fd_ int fd = open(cases_folder(), O_RDONLY | O_CLOEXEC);
	char hex[SHA256_HEX];
	struct err err;

	assert_err(codec_sha256_fd(fd, hex, &err), &err, ERR_SYSTEM, "cannot read");
}

struct hmac_case {
	const char *name, *key;
	size_t key_length;
	const char *text, *hex;
};

/* RFC 4231 */
static const struct hmac_case hmac_cases[] = {
	{ "a short key",
		"\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b",
		20, "Hi There",
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	{ "a key of words", "Jefe", 4, "what do ya want for nothing?",
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	{ "a key longer than a block", NULL, 131,
		"Test Using Larger Than Block-Size Key - Hash Key First",
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
};

static void signs(void **state)
{
	const struct hmac_case *row = *state;
	char long_key[131], hex[SHA256_HEX];
	struct sha256 hash;

	memset(long_key, 0xaa, sizeof(long_key));
	codec_hmac_sha256(row->key == NULL ? long_key : row->key, row->key_length, row->text,
		strlen(row->text), &hash);
	codec_hex(hash.bytes, SHA256_BYTES, hex);
	assert_string_equal(hex, row->hex);
}

static void signs_with_an_empty_key(_unused_ void **state)
{
	struct sha256 hash;
	char hex[SHA256_HEX];

	codec_hmac_sha256("", 0, "", 0, &hash);
	codec_hex(hash.bytes, SHA256_BYTES, hex);
	assert_string_equal(
		hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

struct hex_case {
	const char *name, *hex;
	bool is_good;
};

static const struct hex_case hex_cases[] = {
	{ "nothing", "", true },
	{ "both cases", "00ffABcd", true },
	{ "odd", "abc", false },
	{ "a letter too far", "0g", false },
	{ "a sign", "-1", false },
	{ "a space", " 1", false },
	{ "high bytes", "\xff\xff", false },
};

static void reads_hex(void **state)
{
	const struct hex_case *row = *state;
	uint8_t bytes[8];
	char again[17];

	assert_int_equal(codec_unhex(row->hex, strlen(row->hex), bytes), row->is_good);
	if (!row->is_good)
		return;
	codec_hex(bytes, strlen(row->hex) / 2, again);
	assert_int_equal(strcasecmp(again, row->hex), 0);
}

static void knows_a_hash_when_it_sees_one(_unused_ void **state)
{
	assert_true(codec_is_hex("0123456789abcdef", 16));
	assert_true(codec_is_hex("", 0));
	assert_false(codec_is_hex(NULL, 0));
	assert_false(codec_is_hex("0123", 5));
	assert_false(codec_is_hex("0123", 3));
	assert_false(codec_is_hex("ABCD", 4));
	assert_false(codec_is_hex("../x", 4));
	assert_false(codec_is_hex("012\n", 4));
}

static void compares_in_constant_time(_unused_ void **state)
{
	assert_true(codec_equal("secret", "secret", 6));
	assert_false(codec_equal("secret", "secreT", 6));
	assert_false(codec_equal("Secret", "secret", 6));
	assert_true(codec_equal("a", "b", 0));
}

static void is_random(_unused_ void **state)
{
	char one[33], two[33], odd[8];

	codec_random_hex(one, 32);
	codec_random_hex(two, 32);
	assert_true(codec_is_hex(one, 32));
	assert_string_not_equal(one, two);
	codec_random_hex(odd, 7);
	assert_true(codec_is_hex(odd, 7));
	codec_random(one, 0);
}

struct utf8_case {
	const char *name, *text;
	size_t valid;
};

static const struct utf8_case utf8_cases[] = {
	{ "nothing", "", 0 },
	{ "ASCII", "plan\n", 5 },
	{ "two, three, four bytes", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9 },
	{ "the last code point", "\xf4\x8f\xbf\xbf", 4 },
	{ "past the last code point", "\xf4\x90\x80\x80", 0 },
	{ "cut after one of two", "a\xc3", 1 },
	{ "cut after three of four", "ab\xf0\x9f\x98", 2 },
	{ "a lone continuation", "a\x80z", 1 },
	{ "a wrong continuation", "a\xc3(", 1 },
	{ "overlong slash, two bytes", "\xc0\xaf", 0 },
	{ "overlong slash, three bytes", "\xe0\x80\xaf", 0 },
	{ "overlong, four bytes", "\xf0\x80\x80\xaf", 0 },
	{ "a surrogate", "\xed\xa0\x80", 0 },
	{ "the neighbours of the surrogates", "\xed\x9f\xbf\xee\x80\x80", 6 },
	{ "a byte that never occurs", "ok\xff", 2 },
	{ "five bytes", "\xf8\x88\x80\x80\x80", 0 },
};

static void finds_the_end_of_utf8(void **state)
{
	const struct utf8_case *row = *state;

	assert_int_equal(codec_utf8_prefix(row->text, strlen(row->text)), row->valid);
}

static void nul_is_a_character(_unused_ void **state)
{
	assert_int_equal(codec_utf8_prefix("a\0b", 3), 3);
}

/* RFC 4648, sections 4 and 5. */
static const struct encoded {
	const char *name, *text, *base64, *url;
} encodeds[] = {
	{ "nothing", "", "", "" },
	{ "one", "a", "YQ==", "YQ" },
	{ "two", "ab", "YWI=", "YWI" },
	{ "three", "abc", "YWJj", "YWJj" },
	{ "four", "abcd", "YWJjZA==", "YWJjZA" },
	{ "the last two letters", "\xfb\xff\xfe", "+//+", "-__-" },
};

static void encodes(void **state)
{
	const struct encoded *row = *state;
	char out[32];

	codec_base64((const uint8_t *)row->text, strlen(row->text), out);
	assert_string_equal(out, row->base64);
	codec_base64url((const uint8_t *)row->text, strlen(row->text), out);
	assert_string_equal(out, row->url);
}

int main(int argc, char **argv)
{
	CASES(hash_cases, hashes);
	CASE(hashes_a_file_from_its_offset);
	CASE(a_folder_has_no_hash);
	CASES(hmac_cases, signs);
	CASE(signs_with_an_empty_key);
	CASES(hex_cases, reads_hex);
	CASE(knows_a_hash_when_it_sees_one);
	CASE(compares_in_constant_time);
	CASE(is_random);
	CASES(utf8_cases, finds_the_end_of_utf8);
	CASE(nul_is_a_character);
	CASES(encodeds, encodes);
	return cases_run(argc, argv);
}

/* Private keys: of Apps, and our own. */
#include "orchestrator/lib/rsa.h"

#include "orchestrator/lib/codec.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

enum { PEM_MAX = 64 << 10, BITS_MIN = 2048, NUMBER_MAX = RSA_SIGNATURE_MAX };

struct rsa_key {
	EVP_PKEY *key;
};

/* A key that asks for a pass phrase on the terminal would stop the server. */
static int no_pass_phrase(
	_unused_ char *out, _unused_ int size, _unused_ int writes, _unused_ void *owner)
{
	return -1;
}

int rsa_key_read(const char *pem, size_t length, struct rsa_key **ret, struct err *err)
{
	EVP_PKEY *key = NULL;
	BIO *bio = length > 0 && length <= PEM_MAX ? BIO_new_mem_buf(pem, (int)length) : NULL;

	if (bio != NULL)
		key = PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL);
	BIO_free(bio);
	if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA ||
		EVP_PKEY_get_bits(key) < BITS_MIN || EVP_PKEY_get_size(key) > RSA_SIGNATURE_MAX) {
		EVP_PKEY_free(key);
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"the key is not a private RSA key of %d bits or more in PEM without a pass "
			"phrase",
			BITS_MIN);
	}
	*ret = mem_alloc(sizeof(**ret));
	(*ret)->key = key;
	return 0;
}

void rsa_key_free(struct rsa_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->key);
	free(key);
}

int rsa_sign_sha256(const struct rsa_key *key, const void *bytes, size_t length, uint8_t *ret,
	size_t *ret_length, struct err *err)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool is_signed;

	*ret_length = RSA_SIGNATURE_MAX;
	is_signed = context != NULL &&
		    EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key->key) == 1 &&
		    EVP_DigestSign(context, ret, ret_length, bytes, length) == 1;
	EVP_MD_CTX_free(context);
	return is_signed ? 0 : err_set(err, ERR_BUG, "the key cannot sign");
}

int rsa_key_make(struct rsa_key **ret, char **ret_pem, struct err *err)
{
	EVP_PKEY *key = EVP_RSA_gen(BITS_MIN);
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem = NULL;
	long length = 0;

	if (key != NULL && bio != NULL &&
		PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
		length = BIO_get_mem_data(bio, &pem);
	if (length > 0) {
		*ret_pem = mem_strndup(pem, (size_t)length);
		explicit_bzero(pem, (size_t)length);
		*ret = mem_alloc(sizeof(**ret));
		(*ret)->key = key;
		key = NULL;
	}
	BIO_free(bio);
	EVP_PKEY_free(key);
	return length > 0 ? 0 : err_set(err, ERR_SYSTEM, "a key cannot be made");
}

static char *number(const struct rsa_key *key, const char *name)
{
	uint8_t bytes[NUMBER_MAX];
	BIGNUM *value = NULL;
	char *text = NULL;
	int length;

	if (EVP_PKEY_get_bn_param(key->key, name, &value) == 1 &&
		(size_t)BN_num_bytes(value) <= sizeof(bytes)) {
		length = BN_bn2bin(value, bytes);
		text = mem_alloc(((size_t)length + 2) / 3 * 4 + 1);
		codec_base64url(bytes, (size_t)length, text);
	}
	BN_free(value);
	return text;
}

int rsa_key_public(const struct rsa_key *key, char **ret_n, char **ret_e, struct err *err)
{
	*ret_n = number(key, OSSL_PKEY_PARAM_RSA_N);
	*ret_e = number(key, OSSL_PKEY_PARAM_RSA_E);
	return *ret_n != NULL && *ret_e != NULL
		       ? 0
		       : err_set(err, ERR_BUG, "the key has no public half");
}

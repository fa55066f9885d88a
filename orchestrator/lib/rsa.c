/* Private keys of Apps. */
#include "orchestrator/lib/rsa.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

enum { PEM_MAX = 64 << 10, BITS_MIN = 2048 };

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

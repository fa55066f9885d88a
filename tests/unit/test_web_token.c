/* links: vcs_github model lib */
/* Tokens of an App: what openssl itself makes of the same words and key, and keys that are none. */
#include "tests/lib/cases.h"

#include "vcs/web/web_token.h"
#include <string.h>

/* Made for this test with openssl genrsa. */
static const char key_pem[] = "-----BEGIN RSA PRIVATE KEY-----\n"
			      "MIIEowIBAAKCAQEAq+/47uovYp9K168ceAaoFXuKo1wSSOVAtfD9no6T0RJoH4NW\n"
			      "Mej9dA8DZHvKXRDg+bbXQgzREaNSLMW8beLOk6XZ+OrNMYXClyfDSOT0agUpraOe\n"
			      "c1dxuz3vQuqyLzH8twJhT4aFU/dUdpF1rFmK+cxfsSlp6ToJ2WKoZukK2VREIlWG\n"
			      "EhVilsuqGTW5D0uWO60YtsPytXPtMHjmd1zy9/2ondQKQWaPNRExxPJ3X1pFtmee\n"
			      "cPSemCP8vatCRLQcpn9CzyQc8qUSV3UJ6RAxF4t1jVV7piahYyPqEFP0P7D9nPas\n"
			      "o5k/BPy5OLsKGvK7jKmv4rlgx2AuyhsQZXvODwIDAQABAoIBAE6YD9T6VLXCtd34\n"
			      "zE0rUcscIWgCLtOGg/mHEw/XAce4n8MD8LM42x6hvD3C/mJjVEuhoi0tmaXz35za\n"
			      "uIMMgbxpPEW14x0nlScuRGy+R+Fswbv/Rm9YAgOC0KtoiBHdyjTH0D6fcbPLo57d\n"
			      "aApkFgyQuQ9NLH4xiw4FNJByJ4Tm58IfRQQ21g2tQzhvD/uRSoCwAYErXssi+45I\n"
			      "twaGNuspqg/tfIvZGJVFKXYZ/A9jX0Aj+oAzlUthnp+e1DgHnF3YFNZ2JN3u6CMK\n"
			      "IAlE23IwuQ63n3ge8wqrFDYpso7tOp+On+S4QyALv/GnBdxPvhh4AdaEhIZiwSRb\n"
			      "fI4b22kCgYEA8jm2HjPipJ76QI8N/l7WCAATDOb6Xky1GWLa3L+m2SBcKEuq4HZG\n"
			      "9OmGSt9lqqZmGaaNskzubgWva/V/xRVhvS+kYbVW1Hxtwx5DfQ2YEIufvqVLNAZ6\n"
			      "NSN7OzsSKMh3rAKIgDiUQUBRMIaqFlMIJOrAbvuQJTDBekKfIvSkyikCgYEAtbcE\n"
			      "I2Bb/RWkpvINcJ7ezyX/sUegHhj1ZIJm/5fv9VU9VGafV7a6gajkECXE+d1mkrAy\n"
			      "KDsP3PscsECx9h8BdhfN9QC0PxLuy+omeG0SVheFmlgCbvgYCL+z53UTGKoGKlNy\n"
			      "D+Yi9zp1Ci95oBALEx7g91J/TmxfiGU2JWznzXcCgYBZBpsH2LwJEyEZDzrubb6u\n"
			      "bBCUYmRMulapQOr9zTaugLU+XiksnGwR4a5o4FiGcuf9r3hOuvW63D4QKMfQEL6+\n"
			      "gL8i5jpGmIDjAMF/ObrVAewxbqEIOwU5eJP3Pgu7j4pkXv36WlEq9k+gzS3ATL4m\n"
			      "i100rSLaeGPz4n6Io2/ZmQKBgBzycq5QA1dlwzz1Aj8Wj9ff7cOH7XHd9/ly7IV6\n"
			      "5rbmRUbUsj1+1mchSHNqEN7c7iIf/115SyWguwk4xSC3/7uYPy7wVcZWdcP2IPq+\n"
			      "JVWhmZ7ktj6HNwztvPL6K3iaXTEQ6fKubpODtHFS7sUYySramGvNsIoFqZJIzT9Z\n"
			      "AfQxAoGBAMY5qyv0SStwzIlXTfcVGKTzTHsgfUCkr5dORoYTkHxhgcawHHsx9xg7\n"
			      "3D8ecHd3aSx8DfbQFPy1qo9C5paSmWsDmTXHiC2zGFc0pLkIXyo5bh2Gwbi3XPaJ\n"
			      "wR3bDd4SPcKdbipaOwXoAxAm6SpigYCSF76ch5VL2wEnDERKC0bX\n"
			      "-----END RSA PRIVATE KEY-----\n";

static const char small_pem[] = "-----BEGIN PRIVATE KEY-----\n"
				"MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAMn9q2JZUyGekunJ\n"
				"rAkvLMvfEXPqQjhbfdSQGnPUXzrsLARbqpjj6rM4+adexmICdd9nf1SpdxKnY9Ik\n"
				"krqu3qv9jUW9e2YwUQdCEa9BhQ1sAgmxeakIS++aBE7o1UZlxjh0ZiTz7Q3NrYuE\n"
				"Y2tWTF91OtzqxC7M6siazZ9UKDABAgMBAAECgYBHxco7JRBD9uuvBMkLbmbVfkre\n"
				"TFQBYIkimZ28oK7B6h9t4QCKWRoRWuJi1WtachNeMZFuDNVRnIb8qaA1k2NtSa88\n"
				"WJtKWdlErEBhoZZG+zH01xLkmaJ6ILZUyylJtbZsEYnmNr/IKfTZ+BKyfhKhgtTN\n"
				"nNG37qXG+jZtfuQijQJBAPNJnJlvvPFvqyvQSzKPkdXuO2Qau6+pBYDjwUD1i/dz\n"
				"No50jZ23o9F3HQsPz+xNu3H/VmywtCvTOxcjXq2MNbsCQQDUi6TrztudfhLo/A7D\n"
				"GG9g51Z24mCJ7ebuFWDuBWGusDXuA1vmaxKznOwpImrCqjpfkosJbxl9IuFFpcrg\n"
				"ZNdzAkAMZSS4YIwE1Qaojc02/z+T4bZe7EnBsl/YaEIxWBFQgys1aNTKQ0/yXRo6\n"
				"tQyH4pH5ReQWV45maTWqgR/SwcD/AkEAom0RHI+ZbzLgeqHdGiS7QP+pKPL4uY9P\n"
				"0hQOXfdI3fmVTQ3OFjkvMomyRAEkOx1hvJW9oPkBLosQQmxfrLoDlwJASGiHGrui\n"
				"xDp72mEb6w+T3LqhCPHfrH+vEcK28tByAf97Wnps29PPl3PmA76MebhidcGzIGJG\n"
				"/CcGLCg4rQvK+w==\n"
				"-----END PRIVATE KEY-----\n";

/* printf '%s.%s' HEADER PAYLOAD | openssl dgst -sha256 -sign KEY */
static const char expected[] =
	"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3OTUwMDAwMDAsImV4cCI6MTc5NTAwMDY"
	"wMCwiaXNzIjoiMTIzNDUifQ.cHzPRzWNIMm1f0tKuvzy5WSpu9qSa2Aysl00NkKCw2t5TyPnhSu1nRLg"
	"6gBw-t1uDXU12woC2tystQ2mYlDVvX2WTUXxpHSASsv5fyMUoIEJ-7OVuKvhXdIMfetkyCdAYSHscRQb"
	"LLTEttkq6mLazw1qrwKn9Q27R4Y7KnT9eHZse4oqfwqFqoeaILQ99WfB0vtXbcCS8-qXO-5mc_ORP5Jr"
	"ZnprB8HMSDiKbuDCF8Buvwkj0KUN5qCNd9AEa3dh0oSPZhW2HhqymUdVgQS2_A8Aq610Q5zRfew0mgi3"
	"1mMgjrRoRWmxH3lJL3XI96EAL59QyGayHnwAjgqRiZM7Ow";

static void signs_as_openssl_does(void **state)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(4096);
	struct rsa_key *key = NULL;
	struct err err;

	(void)state;
	assert_ok(rsa_key_read(key_pem, strlen(key_pem), &key, &err), &err);
	assert_ok(web_jwt(key, 12345, 1795000060, &text, &err), &err);
	assert_string_equal(strbuf_text(&text), expected);
	rsa_key_free(key);
}

static const struct no_key {
	const char *name, *pem;
} no_keys[] = {
	{ "nothing", "" },
	{ "no PEM", "hello" },
	{ "an end too early", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n" },
	{ "too small", small_pem },
	{ "with a pass phrase", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
				"DEK-Info: AES-128-CBC,00000000000000000000000000000000\n\nAAAA\n"
				"-----END RSA PRIVATE KEY-----\n" },
};

static void refuses_other_keys(void **state)
{
	const struct no_key *row = *state;
	struct rsa_key *key = NULL;
	struct err err = { 0 };
	int r = rsa_key_read(row->pem, strlen(row->pem), &key, &err);

	assert_err(r, &err, ERR_CONFIG, "private RSA key");
	assert_null(key);
}

static const struct moment {
	const char *name;
	int64_t seconds;
} moments[] = {
	{ "1970-01-01T00:00:01Z", 1 },
	{ "2026-11-17T14:03:22Z", 1794924202 },
	{ "2024-02-29T23:59:59Z", 1709251199 },
	{ "2026-11-17", 0 },
	{ "2026-11-17T15:03:22+01:00", 1794924202 },
	{ "2026-11-17T08:33:22-05:30", 1794924202 },
	{ "2026-11-17T14:03:22", 0 },
	{ "2026-11-17T14:03:22Zx", 0 },
	{ "", 0 },
};

static void reads_times(void **state)
{
	const struct moment *row = *state;

	assert_int_equal(web_time(row->name), row->seconds);
}

int main(int argc, char **argv)
{
	CASE(signs_as_openssl_does);
	CASES(no_keys, refuses_other_keys);
	CASES(moments, reads_times);
	return cases_run(argc, argv);
}

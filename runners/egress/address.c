/* The special-purpose registries of IPv4 and IPv6 as two tables. */
#include "runners/egress/address.h"
#include <netinet/in.h>
#include <string.h>

struct range {
	uint8_t bytes[16];
	int bits;
};

static const struct range inside4[] = {
	{ { 0 }, 8 },		  /* this network */
	{ { 10 }, 8 },		  /* private */
	{ { 100, 64 }, 10 },	  /* shared, carriers; one cloud's metadata */
	{ { 127 }, 8 },		  /* this machine */
	{ { 169, 254 }, 16 },	  /* link, metadata */
	{ { 172, 16 }, 12 },	  /* private */
	{ { 192, 0, 0 }, 24 },	  /* protocols */
	{ { 192, 0, 2 }, 24 },	  /* documentation */
	{ { 192, 88, 99 }, 24 },  /* relays of 6to4 */
	{ { 192, 168 }, 16 },	  /* private */
	{ { 198, 18 }, 15 },	  /* benchmarks */
	{ { 198, 51, 100 }, 24 }, /* documentation */
	{ { 203, 0, 113 }, 24 },  /* documentation */
	{ { 224 }, 3 },		  /* multicast, reserved, broadcast */
	{ { 168, 63, 129, 16 },
		32 }, /* one cloud's wire server: a public number, an inside service */
};

/* Outside of 2000::/3 nothing is global; inside of it these are not. */
static const struct range inside6[] = {
	{ { 0x20, 0x01, 0x00 }, 23 },	    /* protocols, Teredo */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
	{ { 0x3f, 0xff, 0x00 }, 20 },	    /* documentation */
};
static const struct range global6 = { { 0x20 }, 3 };

/* An IPv4 address stands in the last four bytes behind these, or, for 6to4, right behind it. */
static const struct embedding {
	struct range range;
	int at;
} embeddings[] = {
	{ { { [10] = 0xff, [11] = 0xff }, 96 }, 12 }, /* mapped */
	{ { { 0x00, 0x64, 0xff, 0x9b }, 96 }, 12 },   /* NAT64 */
	{ { { 0x20, 0x02 }, 16 }, 2 },		      /* 6to4 */
};

static bool is_in(const uint8_t *address, const struct range *range)
{
	int whole = range->bits / 8, rest = range->bits % 8;
	uint8_t mask = (uint8_t)(0xff << (8 - rest));

	return memcmp(address, range->bytes, (size_t)whole) == 0 &&
	       (rest == 0 || (address[whole] & mask) == (range->bytes[whole] & mask));
}

static bool is_global4(const uint8_t *address)
{
	for (size_t i = 0; i < countof(inside4); i++) {
		if (is_in(address, &inside4[i]))
			return false;
	}
	return true;
}

static bool is_global6(const uint8_t *address)
{
	for (size_t i = 0; i < countof(embeddings); i++) {
		if (is_in(address, &embeddings[i].range))
			return is_global4(address + embeddings[i].at);
	}
	if (!is_in(address, &global6))
		return false;
	for (size_t i = 0; i < countof(inside6); i++) {
		if (is_in(address, &inside6[i]))
			return false;
	}
	return true;
}

bool address_is_global(const struct sockaddr *address)
{
	const struct sockaddr_in *four = (const void *)address;
	const struct sockaddr_in6 *six = (const void *)address;

	if (address->sa_family == AF_INET)
		return is_global4((const uint8_t *)&four->sin_addr);
	return address->sa_family == AF_INET6 && is_global6((const uint8_t *)&six->sin6_addr);
}

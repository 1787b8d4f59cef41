// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The workloads `crypto*`: sha512 of many short texts, which differ only in where the algorithm
 * comes from. Each operation makes a context, hashes "<i>-{result}", makes the hex digest and
 * frees the context, as a runtime's createHash() does.
 *
 *   crypto          looked up by name every time in the process's library context
 *   crypto-query    fetched with a property query that is new every time: every operation misses
 *                   the method store's cache and takes its write lock
 *   crypto-fetched  fetched once per lane
 *   crypto-private  fetched every time, from a library context of the lane's own: the same work
 *                   as crypto, with no lock that two lanes share (its counterfactual)
 *   crypto-query-private  the same of crypto-query
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workload.h"

#define ALGORITHM "SHA512"

struct crypto {
	int lane;
	long long query_cnt;  /* never falls, so that no query comes twice in a process */
	OSSL_LIB_CTX *libctx; /* NULL: the process's */
	EVP_MD *md;	      /* crypto-fetched */
};

static int crypto_setup(int lane, void **state, char *why)
{
	struct crypto *c = calloc(1, sizeof(*c));

	if (!c) {
		snprintf(why, WHY_SZ, "no memory");
		return -ENOMEM;
	}
	c->lane = lane;
	*state = c;
	return 0;
}

static void crypto_teardown(void *state)
{
	struct crypto *c = state;

	if (!c)
		return;
	EVP_MD_free(c->md);
	OSSL_LIB_CTX_free(c->libctx);
	free(c);
}

static int fetched_setup(int lane, void **state, char *why)
{
	struct crypto *c;

	if (crypto_setup(lane, state, why))
		return -ENOMEM;
	c = *state;
	c->md = EVP_MD_fetch(NULL, ALGORITHM, NULL);
	if (c->md)
		return 0;
	snprintf(why, WHY_SZ, "OpenSSL has no " ALGORITHM);
	return -ENOENT;
}

static int private_setup(int lane, void **state, char *why)
{
	struct crypto *c;

	if (crypto_setup(lane, state, why))
		return -ENOMEM;
	c = *state;
	c->libctx = OSSL_LIB_CTX_new();
	if (c->libctx)
		return 0;
	snprintf(why, WHY_SZ, "OpenSSL makes no library context of its own");
	return -ENOMEM;
}

static void hex_digest(const unsigned char *digest, unsigned int sz, char *hex)
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned int i = 0; i < sz; i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[2 * sz] = '\0';
}

static bool hash_one(const EVP_MD *md, long long i, char *hex)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int digest_sz = 0;
	EVP_MD_CTX *ctx;
	char text[48];
	int len;
	bool ok;

	len = snprintf(text, sizeof(text), "%lld-{result}", i);
	ctx = EVP_MD_CTX_new();
	ok = md && ctx && EVP_DigestInit_ex(ctx, md, NULL) &&
	     EVP_DigestUpdate(ctx, text, (size_t)len) &&
	     EVP_DigestFinal_ex(ctx, digest, &digest_sz);
	EVP_MD_CTX_free(ctx);
	if (ok)
		hex_digest(digest, digest_sz, hex);
	return ok;
}

static int hash_failed(struct task *t, long long i)
{
	snprintf(t->why, sizeof(t->why), "OpenSSL failed at operation %lld", i);
	return -EIO;
}

static int hash_by_name(struct task *t)
{
	for (long long i = 0; i < t->n; i++)
		if (!hash_one(EVP_get_digestbyname(ALGORITHM), i, t->checksum))
			return hash_failed(t, i);
	return 0;
}

static int hash_by_query(struct task *t)
{
	struct crypto *c = t->state;
	char query[64];
	EVP_MD *md;
	bool ok;

	for (long long i = 0; i < t->n; i++) {
		snprintf(query, sizeof(query), "provider!=x%dn%lld", c->lane, c->query_cnt++);
		md = EVP_MD_fetch(c->libctx, ALGORITHM, query);
		ok = hash_one(md, i, t->checksum);
		EVP_MD_free(md);
		if (!ok)
			return hash_failed(t, i);
	}
	return 0;
}

static int hash_fetched(struct task *t)
{
	struct crypto *c = t->state;

	for (long long i = 0; i < t->n; i++)
		if (!hash_one(c->md, i, t->checksum))
			return hash_failed(t, i);
	return 0;
}

static int hash_privately(struct task *t)
{
	struct crypto *c = t->state;
	EVP_MD *md;
	bool ok;

	for (long long i = 0; i < t->n; i++) {
		md = EVP_MD_fetch(c->libctx, ALGORITHM, NULL);
		ok = hash_one(md, i, t->checksum);
		EVP_MD_free(md);
		if (!ok)
			return hash_failed(t, i);
	}
	return 0;
}

#define MAX_N 1000000000000ll

const struct workload workload_crypto = {
	.name = "crypto",
	.unit = "operations",
	.default_n = 1000000,
	.max_n = MAX_N,
	.run = hash_by_name,
};

const struct workload workload_crypto_query = {
	.name = "crypto-query",
	.unit = "operations",
	.default_n = 100000,
	.max_n = MAX_N,
	.setup = crypto_setup,
	.run = hash_by_query,
	.teardown = crypto_teardown,
};

const struct workload workload_crypto_fetched = {
	.name = "crypto-fetched",
	.unit = "operations",
	.default_n = 1000000,
	.max_n = MAX_N,
	.setup = fetched_setup,
	.run = hash_fetched,
	.teardown = crypto_teardown,
};

const struct workload workload_crypto_private = {
	.name = "crypto-private",
	.unit = "operations",
	.default_n = 300000,
	.max_n = MAX_N,
	.setup = private_setup,
	.run = hash_privately,
	.teardown = crypto_teardown,
};

const struct workload workload_crypto_query_private = {
	.name = "crypto-query-private",
	.unit = "operations",
	.default_n = 100000,
	.max_n = MAX_N,
	.setup = private_setup,
	.run = hash_by_query,
	.teardown = crypto_teardown,
};

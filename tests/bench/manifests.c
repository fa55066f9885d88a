/* links: runner model lib_yaml lib_regex lib */
/* How long the difference of two streams of manifests takes, from bytes to summary. manifests COUNT
 * ROUNDS prints the processor time of each round in microseconds; every tenth resource changes. */
#include "runners/manifests.h"
#include "orchestrator/lib/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void put_side(struct strbuf *out, long count, int tag)
{
	for (long i = 0; i < count; i++)
		strbuf_printf(out,
			"---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  labels:\n"
			"    app: web\n  name: web-%ld\n  namespace: shop\nspec:\n  replicas: 2\n"
			"  selector:\n    matchLabels:\n      app: web\n  template:\n"
			"    metadata:\n      labels:\n        app: web\n    spec:\n"
			"      containers:\n      - env:\n        - name: MODE\n"
			"          value: production\n        - name: LEVEL\n          value: "
			"info\n"
			"        image: registry.example.org/web:%d\n        name: web\n"
			"        ports:\n        - containerPort: 8080\n        resources:\n"
			"          limits:\n            cpu: 500m\n            memory: 256Mi\n"
			"        volumeMounts:\n        - mountPath: /etc/web\n          name: "
			"config\n"
			"      volumes:\n      - configMap:\n          name: web-config\n"
			"        name: config\n",
			i, i % 10 == 0 ? tag : 1);
}

int main(int argc, char **argv)
{
	_cleanup_strbuf_ struct strbuf before = STRBUF(MANIFESTS_BYTES_MAX),
				       after = STRBUF(MANIFESTS_BYTES_MAX);
	long count = argc > 1 ? strtol(argv[1], NULL, 10) : 0,
	     rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 1;

	put_side(&before, count, 1);
	put_side(&after, count, 2);
	for (long i = 0; count > 0 && i < rounds; i++) {
		_cleanup_(arena_release) struct arena arena = { 0 };
		const struct manifests_input input = { strbuf_text(&before), strbuf_text(&after),
			before.length, after.length, false };
		struct plan_summary summary;
		int64_t begin = now_us();
		struct err err;

		if (manifests_summarise(&input, &arena, &summary, &err) < 0 ||
			summary.update != (count + 9) / 10) {
			fprintf(stderr, "the difference is wrong\n");
			return 1;
		}
		printf("%lld\n", (long long)(now_us() - begin));
	}
	return count > 0 ? 0 : 2;
}

// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * The reference of the ring walk: libbpf's consumer with a callback that does as little as ours does.
 *
 * usage: consume MAP_ID. For each line on stdin it consumes what the ring holds and prints
 * `<records> <nanoseconds> <sum of the first words>`.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct walked {
	uint64_t records;
	uint64_t sum;
};

static int visit(void *ctx, void *record, size_t bytes)
{
	struct walked *walked = ctx;

	(void)bytes;
	walked->records++;
	walked->sum += *(const uint64_t *)record;
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int main(int argc, char **argv)
{
	struct walked walked;
	struct ring_buffer *ring;
	char line[16];
	int fd;

	fd = argc == 2 ? bpf_map_get_fd_by_id(strtoul(argv[1], 0, 10)) : -1;
	ring = fd < 0 ? 0 : ring_buffer__new(fd, visit, &walked, 0);
	if (!ring) {
		fprintf(stderr, "consume: no ring buffer with this map id\n");
		return 1;
	}
	while (fgets(line, sizeof(line), stdin)) {
		uint64_t start = now_ns();

		walked = (struct walked){};
		ring_buffer__consume(ring);
		printf("%llu %llu %llu\n", (unsigned long long)walked.records,
		       (unsigned long long)(now_ns() - start), (unsigned long long)walked.sum);
		fflush(stdout);
	}
	ring_buffer__free(ring);
	return 0;
}

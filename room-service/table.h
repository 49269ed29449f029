/* A hash table of named things of an app: the node lives inside the thing. Not thread-safe. */
#ifndef DH_ROOMS_TABLE_H
#define DH_ROOMS_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct dh_table_node {
	struct dh_table_node *next;
	const char *name; /* lives as long as the thing */
	uint32_t app_id, hash;
};

struct dh_table {
	struct dh_table_node **slots;
	size_t slot_count, count; /* slot_count is a power of two */
	uint32_t seed;            /* random: who knows names must not know where they fall */
};

void dh_table_init(struct dh_table *t, uint32_t seed);
void dh_table_finish(struct dh_table *t); /* the things are not touched */
struct dh_table_node *dh_table_find(const struct dh_table *t, uint32_t app_id, const char *name);
void dh_table_add(struct dh_table *t, struct dh_table_node *node, uint32_t app_id, const char *name); /* not in it yet */
void dh_table_remove(struct dh_table *t, struct dh_table_node *node);

#endif

/* Templates: where each source stands in the composed picture, as data. The built-in ones are the JSON files
 * of agent/compositors/templates, put into the program at build time; docs/composition.md describes the form.
 * dh_template_names() and dh_template_places() are declared in compositor.h. */
#ifndef DH_MEDIA_TEMPLATE_H
#define DH_MEDIA_TEMPLATE_H

#include <stddef.h>

#include "agent/media/compositor.h"

struct dh_template;

/* Read a template from JSON text (no NUL needed). Strict: unknown keys, missing keys, values out of range
 * and a last layout with conditions are errors that name the place. Any thread. Errors: DH_EPROTO not JSON,
 * DH_EINVAL, DH_ELIMIT. */
int dh_template_create(struct dh_template **out, const char *text, size_t size, struct dh_err *e);
void dh_template_destroy(struct dh_template *t);

const char *dh_template_name(const struct dh_template *t);
const char *dh_template_doc(const struct dh_template *t);

/* As dh_template_places(), for a template in hand. out: room for DH_TEMPLATE_SLOTS_MAX. Any thread.
 * Errors: DH_EINVAL canvas odd or outside 16..4096. */
int dh_template_layout(const struct dh_template *t, int width_px, int height_px, const int role_counts[6],
		       struct dh_slot_place *out, struct dh_err *e);

/* The template files in the program, in the order of dh_template_names(); a NULL name ends the table.
 * Made by tools/gen_templates.py. */
struct dh_template_file {
	const char *name;
	const char *text;
	size_t size;
};
extern const struct dh_template_file dh_template_files[];
extern const char *const dh_template_file_names[];

#endif

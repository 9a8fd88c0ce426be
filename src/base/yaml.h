/* yaml.h - one YAML document as JSON values
 * Room: base.  Uses: base/status, base/file, base/text, libyaml, jansson.
 *
 * Plain scalars are typed as YAML 1.1's core does: null and ~; true false yes no on off; integers (also 0x, 0b, a
 * leading zero for octal, _ between digits); floats.  Unlike PyYAML, 1e-4 without a dot is a number too, because
 * nobody who writes a learning rate so means a text, and 1:30 stays a text.  Quoted scalars are texts.
 */
#ifndef RT_BASE_YAML_H
#define RT_BASE_YAML_H

#include <jansson.h>
#include <stdint.h>

#include "base/status.h"

/* An empty document gives null.  json_decref() the result.
 * Errors: RT_ERR_IO; RT_ERR_FORMAT with line and column for bad syntax, a key given twice, a second document, a key
 * that is no scalar, nesting beyond 100, .inf and .nan; RT_ERR_UNSUPPORTED for anchors, aliases, merge keys and tags
 * outside the core; RT_ERR_MEMORY. */
rt_status rt_yaml_load(json_t **ret_json, const char *path, rt_err *err);

/* The same, and for each value below the root, by its path of keys and element numbers joined by dots ("phase1.lr",
 * "predict.seeds.0"): {"line": 12, "text": "3e-4"}, the line of its key, the text as it is written, "" for a list or
 * a mapping.  json_decref() both. */
rt_status rt_yaml_load_marked(json_t **ret_json, json_t **ret_marks, const char *path, rt_err *err);

/* rt_yaml_load from memory; opt_file names it in errors. */
rt_status rt_yaml_parse(json_t **ret_json, const char *text, int64_t length, const char *opt_file, rt_err *err);

#endif

/* audit_record.c - split.tsv.audit.json: what was audited and what came out; what training asks before it starts */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "prep/audit.h"

enum { LEAKS_KEPT = 1000 };

static void record_path(char *out, int64_t size, const char *split_path)
{
    snprintf(out, (size_t)size, "%s.audit.json", split_path);
}

static json_t *checks_json(const rt_audit *audit)
{
    json_t *checks = json_object();
    for (int k = 0; k < RT_LEAK_KINDS; k++) {
        const rt_audit_check_result *c = &audit->check[k];
        json_t *one = json_object();
        const char *result = c->n_leak ? "leaks" : c->not_checked ? "not checked" : "holds";
        json_object_set_new(one, "result", json_string(result));
        json_object_set_new(one, "checked", json_integer(c->n_checked));
        json_object_set_new(one, "leaks", json_integer(c->n_leak));
        if (c->not_checked) json_object_set_new(one, "why_not", json_string(c->not_checked));
        json_object_set_new(checks, rt_leak_name((rt_leak_kind)k), one);
    }
    return checks;
}

static json_t *leaks_json(const rt_audit *audit)
{
    json_t *leaks = json_array();
    for (int64_t i = 0; i < audit->n_leak && i < LEAKS_KEPT; i++) {
        const rt_leak *l = &audit->leak[i];
        json_t *one = json_object();
        json_object_set_new(one, "kind", json_string(rt_leak_name(l->kind)));
        json_object_set_new(one, "a", json_string(l->a));
        json_object_set_new(one, "part_a", json_string(l->part_a));
        json_object_set_new(one, "b", json_string(l->b));
        json_object_set_new(one, "part_b", json_string(l->part_b));
        json_object_set_new(one, "value", rt_json_number(l->value));
        json_object_set_new(one, "limit", rt_json_number(l->limit));
        json_object_set_new(one, "detail", json_string(l->detail));
        json_array_append_new(leaks, one);
    }
    return leaks;
}

static json_t *limits_json(const rt_audit_input *in)
{
    json_t *limits = json_object();
    json_object_set_new(limits, "identity", json_real(in->identity));
    json_object_set_new(limits, "chance", json_real(in->chance));
    json_object_set_new(limits, "tm", json_real(in->tm));
    json_object_set_new(limits, "tm_residues", json_integer(in->tm_residues));
    json_object_set_new(limits, "template_tm", json_real(in->template_tm));
    json_object_set_new(limits, "template_rmsd", json_real(RT_TEMPLATE_ANSWER_RMSD));
    json_object_set_new(limits, "cutoff", in->opt_cutoff ? json_string(in->opt_cutoff) : json_null());
    return limits;
}

static rt_status files_json(json_t *out, const rt_audit_file *files, int64_t n_file, rt_err *err)
{
    for (int64_t i = 0; i < n_file; i++) {
        char hash[RT_HASH_TEXT];
        rt_status status = rt_hash_file(hash, NULL, files[i].path, err);
        if (status != RT_OK) return status;
        json_t *one = json_object();
        json_object_set_new(one, "role", json_string(files[i].role));
        json_object_set_new(one, "path", json_string(files[i].path));
        json_object_set_new(one, "sha256", json_string(hash));
        json_array_append_new(out, one);
    }
    return RT_OK;
}

rt_status rt_audit_write(const rt_audit *audit, const rt_audit_input *input, const char *split_path,
                         const rt_audit_file *files, int64_t n_file, const char *version, rt_err *err)
{
    rt_status status = RT_OK;
    char hash[RT_HASH_TEXT], path[4400], date[40];
    time_t now = time(NULL);
    struct tm utc;
    json_t *root = json_object(), *list = json_array();
    json_object_set_new(root, "files", list);
    RT_TRY(rt_hash_file(hash, NULL, split_path, err));
    gmtime_r(&now, &utc);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
    json_object_set_new(root, "rnatune", json_string(version));
    json_object_set_new(root, "date", json_string(date));
    json_object_set_new(root, "holds", json_boolean(audit->n_leak == 0));
    json_object_set_new(root, "split_sha256", json_string(hash));
    json_object_set_new(root, "data_hash", json_string(rt_dataset_hash(input->set)));
    json_object_set_new(root, "limits", limits_json(input));
    json_object_set_new(root, "checks", checks_json(audit));
    RT_TRY(files_json(list, files, n_file, err));
    json_object_set_new(root, "leaks_in_all", json_integer(audit->n_leak));
    json_object_set_new(root, "leaks", leaks_json(audit));
    record_path(path, sizeof path, split_path);
    status = rt_json_save(root, path, err);
    if (status != RT_OK) rt_hint(err, "the proof is written beside the split: copy the split to where files can be made");
done:
    json_decref(root);
    return status;
}

/* ---- before training --------------------------------------------------------------------------------------------- */

static rt_status refuse(rt_err *err, const char *path, const char *what)
{
    rt_fail(err, RT_ERR_MISMATCH, path, 0, "%s", what);
    return rt_hint(err, "run 'rnatune audit' on this set and split, with everything that training will use");
}

/* The file in that role must be the one that was audited; none is no question. */
static rt_status check_file(const json_t *root, const char *record, const char *role, const char *opt_path, rt_err *err)
{
    char hash[RT_HASH_TEXT], what[600];
    json_t *one;
    size_t i;
    if (!opt_path) return RT_OK;
    rt_status status = rt_hash_file(hash, NULL, opt_path, err);
    if (status != RT_OK) return status;
    json_array_foreach(json_object_get(root, "files"), i, one) {
        const char *known = json_string_value(json_object_get(one, "role")),
            *sum = json_string_value(json_object_get(one, "sha256"));
        if (known && sum && strcmp(known, role) == 0 && strcmp(sum, hash) == 0) return RT_OK;
    }
    snprintf(what, sizeof what, "the audit did not look at the %s in %.400s", role, opt_path);
    return refuse(err, record, what);
}

/* An audit that looked away finds nothing. */
static rt_status check_limits(const json_t *root, const char *record, rt_err *err)
{
    rt_status status = RT_OK;
    double identity, chance, tm;
    char what[200];
    RT_TRY(rt_json_read_double(root, &identity, NULL, "limits.identity", record, err));
    RT_TRY(rt_json_read_double(root, &chance, NULL, "limits.chance", record, err));
    RT_TRY(rt_json_read_double(root, &tm, NULL, "limits.tm", record, err));
    bool loose_chance = chance > 0 && chance < RT_AUDIT_CHANCE;   /* 0: every pair counts, however likely */
    if (identity <= RT_AUDIT_IDENTITY && tm <= RT_AUDIT_TM && !loose_chance) goto done;
    snprintf(what, sizeof what, "the audit's limits are too loose: identity %g, chance %g, tm %g; at most %g, at least %g "
             "and at most %g were expected", identity, chance, tm, RT_AUDIT_IDENTITY, RT_AUDIT_CHANCE, RT_AUDIT_TM);
    status = refuse(err, record, what);
done:
    return status;
}

rt_status rt_audit_check(const char *split_path, const rt_dataset *set, const char *opt_templates,
                         const char *opt_augmented, rt_err *err)
{
    rt_status status = RT_OK;
    char path[4400], hash[RT_HASH_TEXT];
    json_t *root = NULL;
    bool holds;
    const char *split_hash, *data_hash;
    record_path(path, sizeof path, split_path);
    if (!rt_file_exists(path)) return refuse(err, split_path, "has not been audited: it may leak");
    RT_TRY(rt_json_load(&root, path, err));
    RT_TRY(rt_json_read_bool(root, &holds, NULL, "holds", path, err));
    RT_TRY(rt_json_read_text(root, &split_hash, NULL, "split_sha256", path, err));
    RT_TRY(rt_json_read_text(root, &data_hash, NULL, "data_hash", path, err));
    RT_TRY(rt_hash_file(hash, NULL, split_path, err));
    if (!holds) RT_TRY(refuse(err, path, "the audit found leaks"));
    RT_TRY(check_limits(root, path, err));
    if (strcmp(hash, split_hash) != 0) RT_TRY(refuse(err, path, "the split has changed since it was audited"));
    if (strcmp(rt_dataset_hash(set), data_hash) != 0) RT_TRY(refuse(err, path,
                                                                    "the set has changed since it was audited"));
    RT_TRY(rt_dataset_verify(set, err));    /* the set's own word for its hash is not enough: one byte may be edited */
    RT_TRY(check_file(root, path, "templates", opt_templates, err));
    RT_TRY(check_file(root, path, "augmented", opt_augmented, err));
done:
    if (root) json_decref(root);
    return status;
}

static rt_status read_table(rt_held_out *held, const json_t *file, const char *record, rt_err *err)
{
    char hash[RT_HASH_TEXT], what[600];
    const char *path = json_string_value(json_object_get(file, "path"));
    const char *sum = json_string_value(json_object_get(file, "sha256"));
    bool same = path && sum && rt_hash_file(hash, NULL, path, NULL) == RT_OK && strcmp(hash, sum) == 0;
    if (same) return rt_held_out_read(held, path, err);
    snprintf(what, sizeof what, "the held-out table %.400s is gone or has changed since the audit", path ? path : "?");
    return refuse(err, record, what);
}

rt_status rt_audit_read_limits(double *out_identity, double *out_chance, rt_held_out *held, const char *split_path,
                               rt_err *err)
{
    rt_status status = RT_OK;
    char path[4400];
    json_t *root = NULL, *one;
    size_t i;
    record_path(path, sizeof path, split_path);
    RT_TRY(rt_json_load(&root, path, err));
    RT_TRY(rt_json_read_double(root, out_identity, NULL, "limits.identity", path, err));
    RT_TRY(rt_json_read_double(root, out_chance, NULL, "limits.chance", path, err));
    json_array_foreach(json_object_get(root, "files"), i, one) {
        const char *role = json_string_value(json_object_get(one, "role"));
        if (role && strcmp(role, "hold-out") == 0) RT_TRY(read_table(held, one, path, err));
    }
done:
    json_decref(root);
    return status;
}

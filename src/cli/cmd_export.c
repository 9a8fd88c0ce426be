/* cmd_export.c - rnatune export: a part of a split as files that predict and score read */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/target_file.h"
#include "prep/split.h"

typedef struct {
    const rt_options *o;
    rt_err *err;
    rt_dataset *set;
    rt_split split;
    const rt_target **target;
    int64_t n_target, n_structure, n_msa, n_long, n_unlabelled, n_over;
} job;

/* ---- which targets ------------------------------------------------------------------------------------------ */

/* Those of the part that have a structure to be held against, in the set's order. */
static rt_status choose(job *j)
{
    rt_status status = RT_OK;
    rt_err *err = j->err;
    const char *part = rt_option_text(j->o, "part");
    int64_t most = rt_option_int(j->o, "targets"), longest = rt_option_int(j->o, "longest");
    rt_part wanted = strcmp(part, "train") == 0 ? RT_PART_TRAIN : strcmp(part, "test") == 0 ? RT_PART_TEST
                                                                                             : RT_PART_VALIDATION;
    RT_TRY_ALLOC(j->target, rt_dataset_count(j->set) + 1);
    for (int64_t i = 0; i < rt_dataset_count(j->set); i++) {
        const rt_target *t = rt_dataset_at(j->set, i);
        const rt_split_row *row = rt_split_find(&j->split, t->id);
        if (!row || row->part != wanted) continue;
        if (t->n_conformation < 1) j->n_unlabelled++;
        else if (longest && t->length > longest) j->n_long++;
        else if (most && j->n_target >= most) j->n_over++;
        else j->target[j->n_target++] = t;
    }
    if (j->n_target == 0) {
        rt_fail(err, RT_ERR_MISMATCH, rt_option_text(j->o, "split"), 0, "no target of the %s part is left", part);
        status = rt_hint(err, "%lld have no structure, %lld are longer than --longest", (long long)j->n_unlabelled,
                         (long long)j->n_long);
    }
done:
    return status;
}

/* ---- files -------------------------------------------------------------------------------------------------- */

static void add_field(rt_text *out, const char *text)
{
    rt_text_add(out, ",\"");
    for (; *text; text++) rt_text_add(out, *text == '"' ? "\"\"" : "%c", *text);
    rt_text_add(out, "\"");
}

static rt_status write_table(job *j, const char *name, bool fasta)
{
    rt_text text = {0};
    char path[4096];
    bool chains = false;
    for (int64_t i = 0; i < j->n_target; i++) chains = chains || j->target[i]->stoichiometry[0];
    if (!fasta) rt_text_add(&text, "target_id,sequence%s\n", chains ? ",stoichiometry,all_sequences,ligand_ids" : "");
    for (int64_t i = 0; i < j->n_target; i++) {
        const rt_target *t = j->target[i];
        rt_text_add(&text, fasta ? ">%s\n%s" : "%s,%s", t->id, t->sequence);
        if (!fasta && chains) {
            add_field(&text, t->stoichiometry);
            add_field(&text, t->all_sequences);
            add_field(&text, t->ligand_ids);
        }
        rt_text_add(&text, "\n");
    }
    rt_path_join(path, sizeof path, rt_option_text(j->o, "out"), name);
    rt_status status = text.failed ? rt_fail(j->err, RT_ERR_MEMORY, NULL, 0, "out of memory")
                                   : rt_write_text(path, text.data, text.length, j->err);
    rt_text_free(&text);
    return status;
}

static rt_status write_structures(job *j)
{
    rt_status status = RT_OK;
    char folder[4096], path[4400];
    rt_path_join(folder, sizeof folder, rt_option_text(j->o, "out"), "natives");
    RT_TRY(rt_make_folder(folder, j->err));
    for (int64_t i = 0; i < j->n_target; i++) {
        const rt_target *t = j->target[i];
        bool written;
        snprintf(path, sizeof path, "%s/%s.cif", folder, t->id);
        RT_TRY(rt_target_file_write(path, &written, t->id, t, t->sequence, rt_target_xyz(t, 0), t->n_conformation,
                                    j->err));
        j->n_structure += written;
    }
done:
    return status;
}

/* Alignments stay where they are: links under the names that predict looks for. */
static rt_status link_alignments(job *j)
{
    rt_status status = RT_OK;
    char folder[4096], path[4600], whole[4096];
    rt_path_join(folder, sizeof folder, rt_option_text(j->o, "out"), "msa");
    for (int64_t i = 0; i < j->n_target; i++) {
        const rt_target *t = j->target[i];
        if (!t->msa[0]) continue;
        if (!realpath(t->msa, whole)) {
            rt_fail(j->err, RT_ERR_IO, t->msa, 0, "the alignment of %s is not there any more", t->id);
            RT_TRY(rt_hint(j->err, "the set was imported with it: put it back, or import again"));
        }
        const char *name = rt_path_name(t->msa);
        const char *ending = strncmp(name, t->id, strlen(t->id)) == 0 ? name + strlen(t->id) : ".MSA.fasta";
        RT_TRY(rt_make_folder(folder, j->err));
        snprintf(path, sizeof path, "%s/%s%s", folder, t->id, ending);
        unlink(path);
        if (symlink(whole, path) != 0) RT_TRY(rt_fail(j->err, RT_ERR_IO, path, 0, "cannot make a link here"));
        j->n_msa++;
    }
done:
    return status;
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    rt_status status = RT_OK;
    job j = {.o = cli->options, .err = err};
    char path[4096];
    const char *out = rt_option_text(j.o, "out");
    RT_TRY(rt_dataset_open(&j.set, rt_option_text(j.o, "data"), err));
    RT_TRY(rt_split_read(&j.split, rt_option_text(j.o, "split"), err));
    RT_TRY(choose(&j));
    RT_TRY(rt_make_folder(out, err));
    RT_TRY(link_alignments(&j));
    if (!rt_option_flag(j.o, "no-structures")) RT_TRY(write_structures(&j));
    RT_TRY(write_table(&j, "sequences.fasta", true));
    RT_TRY(write_table(&j, "sequences.csv", false));
    RT_TRY(rt_run_record_input(cli->record, "split", rt_option_text(j.o, "split"), err));
    rt_run_record_set(cli->record, "dataset_hash", json_string(rt_dataset_hash(j.set)));
    rt_path_join(path, sizeof path, out, "run.json");
    RT_TRY(rt_run_record_write(cli->record, j.o, path, err));
    printf("what\tcount\ntargets\t%lld\nstructures\t%lld\nalignments\t%lld\nwithout_structure\t%lld\ntoo_long\t%lld\n"
           "beyond_--targets\t%lld\n", (long long)j.n_target, (long long)j.n_structure, (long long)j.n_msa,
           (long long)j.n_unlabelled, (long long)j.n_long, (long long)j.n_over);
done:
    free(j.target);
    rt_split_free_members(&j.split);
    rt_dataset_close(j.set);
    return status;
}

static const rt_option OPTIONS[] = {
    {.name = "data", .type = RT_OPTION_FOLDER, .required = true, .value = "SET",
     .help = "the set that 'rnatune import' made"},
    {.name = "split", .type = RT_OPTION_FILE, .required = true, .value = "FILE", .help = "from 'rnatune split'"},
    {.name = "part", .type = RT_OPTION_CHOICE, .choices = "train|validation|test", .fallback = "validation",
     .help = "which targets"},
    {.name = "targets", .type = RT_OPTION_INT, .value = "N", .fallback = "0", .low = 0, .high = 1e9,
     .help = "the first N of them only; 0: all"},
    {.name = "longest", .type = RT_OPTION_INT, .value = "N", .fallback = "0", .low = 0, .high = 1e9,
     .help = "leave out targets of more residues; 0: none"},
    {.name = "no-structures", .type = RT_OPTION_FLAG, .help = "sequences and alignments only: the answer stays "
                                                              "closed"},
    {.name = "out", .type = RT_OPTION_OUT_FOLDER, .required = true, .value = "DIR", .help = "where the files go"},
    {0},
};

const rt_command rt_cmd_export = {
    .name = "export",
    .summary = "write a part of a split as files: sequences, structures, alignments",
    .options = OPTIONS,
    .description =
        "Writes the training, validation or test targets of a split as files for 'rnatune predict' and 'rnatune "
        "score': what a set holds of their structures, with every conformation as a model and every segment as a "
        "chain. Targets without a structure are left out: nothing could be said about them.",
    .output = "DIR/sequences.csv and sequences.fasta, natives/<target>.cif, msa/ with links to the alignments, "
              "run.json; counts as a table.",
    .examples = "  rnatune export --data set --split split.tsv --part validation --out held_out\n"
                "  rnatune predict --checkpoint rnapro.pt --sequences held_out/sequences.csv --out folds\n"
                "  rnatune score --pred folds --native held_out/natives --out scores\n",
    .run = run,
};

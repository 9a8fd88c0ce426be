/* chains_test.c - the competitions' columns become chains with the right numbers, or one chain with a word about it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "feat/chains.h"
#include "feat/features.h"

static rt_status make(rt_input *input, const char *sequence, const char *all, const char *stoichiometry, rt_err *err)
{
    assert_int_equal(rt_input_set_sequence(input, "t", sequence, err), RT_OK);
    if (all) input->all_sequences = rt_copy_text(all, -1, NULL);
    if (stoichiometry) input->stoichiometry = rt_copy_text(stoichiometry, -1, NULL);
    return rt_chains_find(input, err);
}

/* "first+length:entity.copy ..." */
static void check(const char *sequence, const char *all, const char *stoichiometry, const char *layout, const char *partners)
{
    rt_input input;
    rt_err err = {0};
    char text[512] = "", part[256];
    assert_int_equal(make(&input, sequence, all, stoichiometry, &err), RT_OK);
    for (int64_t c = 0; c < input.n_chain; c++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%lld+%lld:%lld.%lld", c ? " " : "",
                 (long long)input.chain[c].first, (long long)input.chain[c].length, (long long)input.chain[c].entity,
                 (long long)input.chain[c].copy);
    if (input.partner.unexplained) strcat(text, " ?");
    rt_chains_print_partners(part, sizeof part, &input.partner);
    assert_string_equal(text, layout);
    assert_string_equal(part, partners);
    rt_input_free_members(&input);
}

static void one_molecule_among_partners(void **state)
{
    (void)state;
    check("GGAC", NULL, NULL, "0+4:0.0", "");
    check("GGAC", ">1_1|Chain A|U1A|\nMKLP\n>1_2|Chains C, D[auth x]|ribozyme|\nGG\nac\n>1_3|Chain E|DNA|\nGATTC\n", NULL,
          "0+4:0.0", "1 protein chain, 1 DNA chain, 1 other RNA chain");
    check("GGAC", ">1_2|Chain A|longer than the target|\nGGACUU\n", NULL, "0+4:0.0 ?", "");
    check("GGAC", "no FASTA at all", NULL, "0+4:0.0", "");
    check("GGAC", ">\n>\n\n>|Chain\n", NULL, "0+4:0.0 ?", "3 protein chains");
}

static void chains_laid_out_by_the_records(void **state)
{
    (void)state;
    check("GGACGGAC", ">1|Chains A, B|x|\nGGAC\n", NULL, "0+4:0.0 4+4:0.1", "");
    check("GGACGGAC", ">1|Chain A|x|\nGGAC\n", NULL, "0+8:0.0 ?", "");   /* the second copy is not there */
    check("AUGGACAU", ">1|Chain C|x|\nGGAC\n>2|Chains A, B|y|\nAU\n", NULL, "0+2:0.0 2+4:1.0 6+2:0.1", "");
    check("GGGA", ">1|Chains A, B, C, D|x|\nG\n>2|Chain E|y|\nGA\n", NULL, "0+1:0.0 1+1:0.1 2+2:1.0", "2 other RNA chains");
}

static void a_stoichiometry_decides(void **state)
{
    (void)state;
    const char *all = ">1|Chain A[auth R]|x|\nGGAC\n>2|Chain B|y|\nAU\n>3|Chain P|z|\nMKLW\n";
    check("GGACGGACAU", all, "A:2;B:1", "0+4:0.0 4+4:0.1 8+2:1.0", "1 protein chain");
    check("GGACGGACAU", all, "{A:2; B:1; P:4}", "0+4:0.0 4+4:0.1 8+2:1.0", "1 protein chain");
    check("GGACGGACAU", all, "B:1;A:2", "0+10:0.0 ?", "1 protein chain");
    check("GGACGGACAU", NULL, "A:2;B:1", "0+10:0.0 ?", "");
    check("GGAC", all, "1:1", "0+4:0.0", "1 protein chain, 1 other RNA chain");
    static const char *const BAD[] = {"A", "A:", "A:0", ":2", "A:2;B", "A:x", "A:99999999999999999999", ";"};
    for (int i = 0; i < 8; i++) check("GGAC", all, BAD[i], "0+4:0.0 ?", "1 protein chain");
}

/* Numbers of tokens and atoms as Protenix gives them: two copies and a third chain. */
static void the_network_sees_chains(void **state)
{
    (void)state;
    rt_input input;
    rt_features f;
    rt_arena *arena;
    rt_err err = {0};
    const int64_t asym[] = {0, 0, 1, 1, 2}, entity[] = {0, 0, 0, 0, 1}, sym[] = {0, 0, 1, 1, 0}, residue[] = {1, 2, 1, 2, 1};
    assert_int_equal(make(&input, "GAGAC", ">1|Chains A, B|x|\nGA\n>2|Chain C|y|\nC\n", NULL, &err), RT_OK);
    assert_int_equal(rt_arena_create(&arena, "test", 1 << 24, &err), RT_OK);
    assert_int_equal(rt_features_build(&f, arena, &input, rt_conformers_default(), 1, NULL, &err), RT_OK);
    assert_memory_equal(f.asym_id.data, asym, sizeof asym);
    assert_memory_equal(f.entity_id.data, entity, sizeof entity);
    assert_memory_equal(f.sym_id.data, sym, sizeof sym);
    assert_memory_equal(f.residue_index.data, residue, sizeof residue);
    for (int i = 0; i < 5; i++) assert_int_equal(((int64_t *)f.token_index.data)[i], i);
    assert_int_equal(f.n_atom, 24 + 22 + 24 + 22 + 21);   /* OP3 begins every chain */
    int64_t fifth_first = 24 + 22 + 24 + 22;
    assert_int_equal(((int64_t *)f.atom_to_tokatom_idx.data)[fifth_first], 0);
    assert_int_equal(((int64_t *)f.atom_to_tokatom_idx.data)[24], 1);
    rt_arena_free(arena);
    rt_input_free_members(&input);
}

/* All records fit everywhere and none fits in the end: the search must give up, not run for years. */
static void a_hostile_file_does_not_search_for_ever(void **state)
{
    (void)state;
    char sequence[202], all[8192] = "";
    memset(sequence, 'G', 200);
    strcpy(sequence + 200, "C");
    for (int i = 0; i < 60; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), ">%d|Chains A, B, C, D, E, F|x|\n%.*s\n", i, 1 + i % 7, "GGGGGGG");
    rt_input input;
    rt_err err = {0};
    assert_int_equal(make(&input, sequence, all, NULL, &err), RT_OK);
    assert_int_equal(input.n_chain, 1);
    assert_true(input.partner.unexplained);
    rt_input_free_members(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_molecule_among_partners),  cmocka_unit_test(chains_laid_out_by_the_records),
        cmocka_unit_test(a_stoichiometry_decides),      cmocka_unit_test(the_network_sees_chains),
        cmocka_unit_test(a_hostile_file_does_not_search_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

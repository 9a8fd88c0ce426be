#include "io/rdkit_mol.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* The numbers of the tags that can be met on the way to the conformers. */
enum {
    TAG_VERSION = 0, TAG_ATOMS = 1, TAG_BONDS = 11, TAG_END = 22, TAG_RINGS_SSSR = 20, TAG_CONFORMERS = 23,
    TAG_ATOM_MAP = 24, TAG_DUMMY_LABEL = 44, TAG_PDB = 45, TAG_PDB_SERIAL = 46, TAG_PDB_ALTLOC = 47,
    TAG_PDB_RESIDUE = 48, TAG_PDB_CHAIN = 49, TAG_PDB_INSERTION = 50, TAG_PDB_OCCUPANCY = 51, TAG_PDB_TEMPERATURE = 52,
    TAG_PDB_HETERO = 53, TAG_PDB_SECONDARY = 54, TAG_PDB_NUMBER = 55, TAG_PDB_SEGMENT = 56, TAG_PDB_END = 57,
    TAG_SUBSTANCE_GROUPS = 61, TAG_STEREO_GROUPS = 62, TAG_CONFORMERS_DOUBLE = 64, TAG_RINGS_SYMMETRIC = 66,
    TAG_RINGS_FAST = 67, TAG_RINGS_OTHER = 68, TAG_PDB_CLASS = 71, TAG_MONOMER = 72, TAG_MONOMER_RESIDUE = 73,
    TAG_MONOMER_NUMBER = 74, TAG_MONOMER_CHAIN = 75, TAG_MONOMER_CLASS = 76, TAG_MONOMER_END = 77
};

typedef struct {
    const uint8_t *at, *end;
    const char *file, *name;
    int64_t version;        /* 1000 major + 10 minor + patch */
    bool wide;              /* indices of atoms take 4 bytes: more than 255 atoms */
    bool failed;            /* beyond the end: every later number is 0 */
    rt_err *err;
} reader;

static void skip(reader *r, int64_t n)
{
    if (r->failed || n < 0 || n > r->end - r->at) r->failed = true;
    else r->at += n;
}

static uint64_t number(reader *r, int bytes)
{
    uint64_t value = 0;
    const uint8_t *p = r->at;
    skip(r, bytes);
    if (r->failed) return 0;
    for (int i = 0; i < bytes; i++) value |= (uint64_t)p[i] << (8 * i);
    return value;
}

static int64_t int32(reader *r) { return (int32_t)number(r, 4); }
static int64_t index_of(reader *r) { return r->wide ? int32(r) : (int64_t)number(r, 1); }
static int tag(reader *r) { return (int)number(r, 1); }
static void skip_text(reader *r) { skip(r, (int64_t)number(r, 4)); }

static rt_status damaged(const reader *r, const char *what)
{
    return rt_fail(r->err, RT_ERR_FORMAT, r->file, 0, "molecule '%.40s' is damaged: %s", r->name, what);
}

static rt_status unsupported(const reader *r, const char *what)
{
    return rt_fail(r->err, RT_ERR_UNSUPPORTED, r->file, 0, "molecule '%.40s' %s", r->name, what);
}

/* What PDB files say about an atom. */
static rt_status skip_monomer(reader *r)
{
    int kind = tag(r);
    if (kind != TAG_PDB && kind != TAG_MONOMER) return damaged(r, "an atom's residue is missing");
    skip_text(r);
    uint64_t type = number(r, kind == TAG_PDB ? 4 : 1);
    if (kind == TAG_PDB && type != 1) return RT_OK;     /* a plain monomer of older versions has no more than a name */
    for (;;) {
        if (r->failed) return damaged(r, "it was cut short");
        switch (tag(r)) {
        case TAG_PDB_SERIAL: case TAG_PDB_NUMBER: case TAG_PDB_SECONDARY: case TAG_PDB_SEGMENT:
        case TAG_MONOMER_NUMBER:
            skip(r, 4);
            break;
        case TAG_PDB_ALTLOC: case TAG_PDB_RESIDUE: case TAG_PDB_CHAIN: case TAG_PDB_INSERTION: case TAG_PDB_CLASS:
        case TAG_MONOMER_RESIDUE: case TAG_MONOMER_CHAIN: case TAG_MONOMER_CLASS:
            skip_text(r);
            break;
        case TAG_PDB_OCCUPANCY: case TAG_PDB_TEMPERATURE: skip(r, 8); break;
        case TAG_PDB_HETERO: skip(r, 1); break;
        case TAG_PDB_END: case TAG_MONOMER_END: return RT_OK;
        default: return damaged(r, "an atom's residue has an unknown field");
        }
    }
}

static rt_status read_atom(reader *r, uint8_t *out_element, int8_t *out_charge)
{
    *out_element = (uint8_t)number(r, 1);
    uint64_t flags = number(r, 1);
    if (flags & 0x10) return unsupported(r, "has query atoms, which a reference conformer has no use for");
    uint64_t present = number(r, 4);    /* which of the following fields differ from their default */
    if (present & 1) skip(r, 4);                            /* mass */
    *out_charge = present & 2 ? (int8_t)number(r, 1) : 0;
    for (int bit = 2; bit < 8; bit++)                       /* chirality, hybrid, hydrogens, valences, radicals */
        if (present >> bit & 1) skip(r, 1);
    if (present & 0x100) skip(r, 4);                        /* isotope */
    if (flags & 8) {                                        /* a number that a reaction gave the atom */
        if (tag(r) != TAG_ATOM_MAP) return damaged(r, "an atom's map number is missing");
        if (number(r, 1) > 127 && r->version > 9000) skip(r, 4);
    }
    if (flags & 4) {
        if (tag(r) != TAG_DUMMY_LABEL) return damaged(r, "a dummy atom's label is missing");
        skip_text(r);
    }
    if (flags & 2 && r->version >= 7020) return skip_monomer(r);
    return RT_OK;
}

static rt_status skip_bond(reader *r)
{
    index_of(r), index_of(r);
    uint64_t flags = number(r, 1);
    if (flags & 0x10) return unsupported(r, "has query bonds, which a reference conformer has no use for");
    if (flags & 8) skip(r, 1);      /* not a single bond */
    if (flags & 4) skip(r, 1);      /* direction */
    if (flags & 2) {                /* stereochemistry and the atoms that define it */
        skip(r, 1);
        int64_t n = (int64_t)number(r, 1);
        skip(r, n * (r->wide ? 4 : 1));
    }
    if (flags & 1) skip_text(r), skip_text(r);
    return RT_OK;
}

/* The blocks between bonds and conformers; *out_tag is what follows them. */
static rt_status skip_to_conformers(reader *r, int *out_tag)
{
    int next = tag(r), width = r->wide ? 4 : 1;
    if (next == TAG_RINGS_SSSR || next == TAG_RINGS_SYMMETRIC || next == TAG_RINGS_FAST || next == TAG_RINGS_OTHER) {
        int64_t n = r->version >= 13002 ? int32(r) : index_of(r);
        for (int64_t i = 0; i < n && !r->failed; i++) skip(r, index_of(r) * width);
        next = tag(r);
    }
    if (next == TAG_SUBSTANCE_GROUPS)
        return unsupported(r, "has substance groups, which a reference conformer has no use for");
    if (next == TAG_STEREO_GROUPS) {
        int64_t n = index_of(r);
        for (int64_t i = 0; i < n && !r->failed; i++) {
            int64_t type = index_of(r);
            if (r->version >= 14010 && type != 0) skip(r, width);       /* all but absolute groups have a number */
            skip(r, index_of(r) * width);                               /* atoms */
            if (r->version > 16000) skip(r, index_of(r) * width);       /* bonds */
        }
        next = tag(r);
    }
    *out_tag = next;
    return RT_OK;
}

/* Takes the wanted conformer out of the block. */
static rt_status read_conformers(reader *r, rt_rdkit_mol *mol, int64_t wanted, bool is_double)
{
    if (r->version >= 13000) skip(r, 4);    /* the block's size */
    int64_t n = int32(r), width = is_double ? 8 : 4;
    for (int64_t i = 0; i < n && !r->failed; i++) {
        if (r->version > 4000) skip(r, 1);  /* two- or three-dimensional */
        int64_t id = int32(r), n_atom = index_of(r);
        if (r->failed || n_atom != mol->n_atom) break;
        const uint8_t *from = r->at;
        skip(r, n_atom * 3 * width);
        if (r->failed) break;
        if (wanted >= 0 && id != wanted) continue;
        mol->position = rt_alloc(3 * n_atom, sizeof *mol->position, r->err);
        if (!mol->position) return RT_ERR_MEMORY;
        for (int64_t k = 0; k < 3 * n_atom; k++) {
            float single;
            if (is_double) memcpy(&mol->position[k], from + 8 * k, 8);
            else memcpy(&single, from + 4 * k, 4), mol->position[k] = single;
        }
        mol->conformer = id;
        return RT_OK;
    }
    if (r->failed) return damaged(r, "it was cut short");
    return rt_fail(r->err, RT_ERR_FORMAT, r->file, 0, "molecule '%.40s' has no conformer %lld", r->name,
                   (long long)wanted);
}

static rt_status read_molecule(reader *r, rt_rdkit_mol *mol, int64_t wanted)
{
    rt_status status = RT_OK;
    if (number(r, 4) != 0xdeadbeef || int32(r) != TAG_VERSION) return damaged(r, "it is not in RDKit's binary format");
    int64_t major = int32(r), minor = int32(r), patch = int32(r);
    if (major < 0 || major > 1000 || minor < 0 || minor > 100 || patch < 0 || patch > 100)
        return damaged(r, "its version makes no sense");
    r->version = 1000 * major + 10 * minor + patch;
    if (r->version < 7000) return unsupported(r, "was written by an RDKit before 2010");
    int64_t n_atom = int32(r), n_bond = int32(r);
    skip(r, 1);
    r->wide = n_atom > 255;
    /* an atom takes at least 6 bytes and a bond 3: the file's size bounds what is allocated */
    if (n_atom < 0 || n_bond < 0 || n_atom > (r->end - r->at) / 6 || n_bond > (r->end - r->at) / 3 ||
        tag(r) != TAG_ATOMS)
        return damaged(r, "its atoms are missing");
    mol->element = rt_alloc(n_atom, sizeof *mol->element, r->err);
    mol->charge = rt_alloc(n_atom, sizeof *mol->charge, r->err);
    if (!mol->element || !mol->charge) return RT_ERR_MEMORY;
    mol->n_atom = n_atom;
    for (int64_t i = 0; i < n_atom && !r->failed; i++) RT_TRY(read_atom(r, &mol->element[i], &mol->charge[i]));
    if (tag(r) != TAG_BONDS) return damaged(r, "its bonds are missing");
    for (int64_t i = 0; i < n_bond && !r->failed; i++) RT_TRY(skip_bond(r));
    int next = TAG_END;
    RT_TRY(skip_to_conformers(r, &next));
    if (r->failed) return damaged(r, "it was cut short");
    if (n_atom == 0) return RT_OK;      /* such as UNL, the unknown ligand */
    if (next == TAG_CONFORMERS || next == TAG_CONFORMERS_DOUBLE)
        return read_conformers(r, mol, wanted, next == TAG_CONFORMERS_DOUBLE);
    return next == TAG_END ? RT_OK : damaged(r, "it has an unknown block before its conformers");
done:
    return status;
}

rt_status rt_rdkit_mol_read(rt_rdkit_mol *out_mol, const uint8_t *bytes, int64_t size, int64_t conformer,
                            const char *file, const char *name, rt_err *err)
{
    reader r = {.at = bytes, .end = bytes + size, .file = file, .name = name, .err = err};
    *out_mol = (rt_rdkit_mol){0};
    rt_status status = read_molecule(&r, out_mol, conformer);
    if (status != RT_OK) rt_rdkit_mol_free(out_mol);
    return status;
}

void rt_rdkit_mol_free(rt_rdkit_mol *mol)
{
    free(mol->element);
    free(mol->charge);
    free(mol->position);
    *mol = (rt_rdkit_mol){0};
}

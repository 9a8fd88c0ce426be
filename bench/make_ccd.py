"""make_ccd.py: the CCD cache that the reference makes features with, of the RNA residues only, as RNAPRO_GOLDEN/ccd_cache.

The dictionary is the one inside the biotite wheel; conformers come from the reference's own preprocess/gen_ccd_cache.py, with the
random seed fixed (42), which it leaves open.  RNAPRO_REF and RNAPRO_GOLDEN: see reference.py.
"""
import os
import pickle
import sys

import reference

CODES = ["A", "C", "G", "U", "N", "DA", "DC", "DG", "DT", "DN", "UNK"]
COMPONENTS = os.path.join(reference.CCD_CACHE, "components.cif")
MOLECULES = COMPONENTS + ".rdkit_mol.pkl"


def write_cif(path):
    import biotite.structure.info as info
    from biotite.structure.io import pdbx
    source = pdbx.BinaryCIFFile.read(os.path.join(os.path.dirname(info.__file__), "components.bcif"))["components"]
    key_of = {"chem_comp": "id", "chem_comp_atom": "comp_id", "chem_comp_bond": "comp_id"}
    columns = {name: {k: source[name][k].as_array(str) for k in source[name].keys()} for name in key_of}
    out = pdbx.CIFFile()
    for code in CODES:
        rows = {name: columns[name][key] == code for name, key in key_of.items()}
        categories = {name: pdbx.CIFCategory({k: v[mask] for k, v in columns[name].items()})
                      for name, mask in rows.items() if mask.any()}
        if "chem_comp" in categories:
            out[code] = pdbx.CIFBlock(categories)
    out.write(path)


def main():
    os.makedirs(reference.CCD_CACHE, exist_ok=True)
    write_cif(COMPONENTS)
    open(os.path.join(reference.CCD_CACHE, "clusters-by-entity-40.txt"), "a").close()
    from preprocess import gen_ccd_cache
    embed = gen_ccd_cache.rdkit.Chem.AllChem.ETKDGv3

    def seeded():
        options = embed()
        options.randomSeed = 42
        return options
    gen_ccd_cache.rdkit.Chem.AllChem.ETKDGv3 = seeded
    molecules = {}
    for code in CODES:
        try:
            molecule = gen_ccd_cache._get_component_rdkit_mol_processing((code, COMPONENTS))
        except Exception as error:  # UNK and N have no chemistry
            print("skip", code, type(error).__name__, error, file=sys.stderr)
            continue
        if molecule is not None and molecule.GetNumAtoms() > 0:
            molecules[code] = molecule
    with open(MOLECULES, "wb") as f:
        pickle.dump(molecules, f)


if __name__ == "__main__":
    main()

"""Makes ccd_<year>.pkl and ccd_<year>.tsv: a CCD cache in the reference's layout, and what RDKit itself says is in it.

Run once with each RDKit whose format the tests should cover: `python make_ccd_fixture.py 2023`.
"""
import os
import pickle
import sys

import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem

HERE = os.path.dirname(os.path.abspath(__file__))
MOLS = {
    "RNG": "c1ccc2c(c1)[nH]c[n+]2C",            # rings and a charge
    "ION": "[O-]P(=O)([O-])OC[C@H]1O[C@@H](O)[C@H](O)[C@@H]1O",
    "ISO": "[13CH3][N+](=O)[O-]",               # isotope
    "EZ": "C/C=C/C(=O)O",                       # stereo bond
    "MAP": "[CH3:7][OH:300]",                   # atom map numbers, short and long
    "NA": "[Na+]",
    "BIG": "C" * 90,                            # more than 255 atoms with hydrogens
}


def make(code, smiles):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    options = AllChem.ETKDGv3()
    options.randomSeed = 7
    options.clearConfs = False
    ideal = Chem.Conformer(mol.GetNumAtoms())
    for i in range(mol.GetNumAtoms()):
        ideal.SetAtomPosition(i, (i, 0.5, -i))
    mol.AddConformer(ideal, assignId=True)
    mol.ref_conf_id, mol.ref_conf_type = 0, "idea"
    if code not in ("BIG", "ISO"):
        mol.ref_conf_id, mol.ref_conf_type = AllChem.EmbedMolecule(mol, options), "rdkit"
    if code == "ION":       # what PDB files say about atoms, and enhanced stereo
        for i, atom in enumerate(mol.GetAtoms()):
            info = Chem.AtomPDBResidueInfo(f" C{i} ", i, "", "ION", 3, "A", "", 1.0, 20.0, True)
            atom.SetMonomerInfo(info)
        mol = grouped(mol)
    mol.atom_map = {f"{a.GetSymbol()}{a.GetIdx()}'": a.GetIdx() for a in mol.GetAtoms()}
    mol.ref_mask = np.array([i % 3 != 1 for i in range(mol.GetNumAtoms())])
    mol.name, mol.sanitized = code, True
    return mol


def grouped(mol):
    kept = mol.__dict__.copy()
    rw = Chem.RWMol(mol)
    centres = [a.GetIdx() for a in rw.GetAtoms() if a.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED]
    groups = [Chem.CreateStereoGroup(Chem.StereoGroupType.STEREO_ABSOLUTE, rw, centres[:1]),
              Chem.CreateStereoGroup(Chem.StereoGroupType.STEREO_OR, rw, centres[1:3])]
    rw.SetStereoGroups(groups)
    out = rw.GetMol()
    out.__dict__.update(kept)
    return out


def main(year):
    mols = {code: make(code, smiles) for code, smiles in MOLS.items()}
    empty = Chem.Mol()
    empty.atom_map, empty.ref_conf_id, empty.ref_conf_type, empty.sanitized = {}, 0, "idea", True
    mols["UNL"] = empty
    query = Chem.MolFromSmarts("[C,N]O")
    query.atom_map, query.ref_conf_id, query.ref_mask = {"X": 0, "O": 1}, 0, np.array([True, True])
    mols["QRY"] = query
    lost = Chem.Mol(mols["NA"])
    lost.atom_map, lost.ref_conf_id, lost.ref_mask = {"NA": 0}, 9, np.array([True])
    mols["LST"] = lost
    with open(os.path.join(HERE, f"ccd_{year}.pkl"), "wb") as f:
        pickle.dump(mols, f)
    with open(os.path.join(HERE, f"ccd_{year}.tsv"), "w") as f:
        for code in MOLS:
            mol = pickle.loads(pickle.dumps(mols[code]))    # single precision, as in the file
            position = mol.GetConformer(mol.ref_conf_id).GetPositions()
            for name, i in mol.atom_map.items():
                atom = mol.GetAtomWithIdx(i)
                print(code, mol.ref_conf_type, i, name, atom.GetAtomicNum(), atom.GetFormalCharge(),
                      int(mol.ref_mask[i]), *(f"{x:.9g}" for x in position[i]), sep="\t", file=f)


if __name__ == "__main__":
    main(sys.argv[1])

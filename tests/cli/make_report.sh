# make_report.sh: sourced by cases of report: the folder out of a tune run of one target, whose predictions are its native
mkdir -p out/compare out/held_out/test/natives
for arm in base phase2; do
    mkdir -p out/predictions/$arm/seed42/6c63
    gunzip -c "$here/../../examples/demo/structures/6c63.cif.gz" >out/predictions/$arm/seed42/6c63/6c63_sample_0.cif
    echo '{"samples": [{"file": "6c63_sample_0.cif", "plddt": 61.5, "ptm": 0.72}]}' >out/predictions/$arm/seed42/6c63/summary.json
done
cp out/predictions/base/seed42/6c63/6c63_sample_0.cif out/held_out/test/natives/6c63.cif
for arm in base phase2; do run score --pred out/predictions/$arm/seed42 --native out/held_out/test/natives --out out/scores/$arm/seed42; done
echo '{}' >out/steps.json

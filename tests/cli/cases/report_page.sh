# a folder of a tune run as one page: what there is, what there is not, nothing from outside, the same bytes again
. "$here/make_report.sh"
mkdir -p out/phase2 out/phase1/small
printf 'target\tfamily\tbase\tphase2\n6c63\tRF<b>\t0.9\t0.8\nother\tRF2\t0.1\t0.3\n' >out/compare/pairs.tsv
cat >out/plan.yaml <<'END'
seed: 7
device: auto   # default
bases:
  small: "<img src=x onerror=alert(1)>"
END
cat >out/steps.json <<'END'
{"program": "rnatune", "version": "9.8.7", "commit": "abcdef0", "plan": "/plans/one.yaml", "steps": [
 {"name": "phase2", "state": "done", "seconds": 7200, "started": "2026-01-02T03:04:05Z", "commands": [{"command": ["/x/rnatune", "train", "it's"]}]},
 {"name": "select", "state": "failed", "seconds": 1, "error": "no <room>", "log": "logs/select.log", "commands": []},
 {"name": "package", "state": "absent", "commands": []}, {"name": "audit", "state": "waiting", "commands": []}]}
END
cat >out/summary.json <<'END'
{"metric": "tm_align", "per_target": "best5", "targets": 2, "families": 2, "arms": [
 {"name": "base", "mean": 0.5, "ci95": [0.4, 0.6], "by_seed": [0.5]}, {"name": "phase2", "mean": 0.55, "ci95": null, "by_seed": [0.55]}],
 "comparisons": [{"a": "base", "b": "phase2", "difference": 0.05, "ci95": [-0.1, 0.2], "claim": "No difference was <shown>."}],
 "sentence": "No difference was <shown>.", "test_openings": 2,
 "goal": {"baseline": 0.361, "target": 0.45, "plan_sum": 0.441, "arm": "phase2", "measured": 0.55, "ci95": null,
          "may_be_claimed": "phase2 has 0.55; no interval, no claim."}}
END
for step in 1 2 3; do echo "{\"step\": $step, \"event\": \"train\", \"loss\": $step.5, \"rate\": 0.001, \"seconds\": 2}"; done >out/phase2/log.jsonl
echo '{"step": 3, "event": "validation", "loss": 2.25, "base_loss": 4.0}' >>out/phase2/log.jsonl
echo 'not json' >out/phase1/small/log.jsonl
echo '{"holds": ' >out/ensemble.json
run report out --title "Week <1>" --viewer canvas
expect_exit 0
expect_no_stdout
page=out/report.html
says() { grep -qF -- "$1" $page || note "the page lacks '$1'"; }
says_not() { ! grep -qE -- "$1" $page || note "the page has '$1'"; }
says '<title>Week &lt;1&gt;</title>'
says 'No difference was &lt;shown&gt;.'
says 'phase2 has 0.55; no interval, no claim.'
says 'data-label="the plan&#39;s own sum">0.441</td>'
says 'The test structures were opened 2 times'
says '&lt;img src=x onerror=alert(1)&gt;'
says 'rnatune 9.8.7, commit abcdef0; plan <code>/plans/one.yaml</code>'
says '2.0 h</td>'
says 'rnatune train &#39;it&#39;\&#39;&#39;s&#39;'
says '<b>Not run:</b> what each rule of choosing gains. The step select failed: no &lt;room&gt; (logs/select.log).'
says '<b>Not run:</b> the folder for Kaggle. The step package is not part of this run.'
says '<b>Not run:</b> the audit of the split. The step audit has not run yet.'
says '<b>Not run:</b> the training set. set is not there.'
says '<b>Could not be read:</b> the rest of the log.'
says 'steps: 3, validations: 1.'
says '<td class="n">2.2500</td><td class="n">4.0000</td>'
# the model is the native: laid over it, it is the same
says '<td>phase2</td><td>seed42, 6c63_sample_0, rank 1</td><td class="n">1.0000</td><td class="n">1.0000</td><td class="n">0.00</td>'
says "'rnatune predict --confidence' writes it"
says '<b>Could not be read:</b> the native structure.'   # of the target "other"
says '<a href="#t-6c63">6c63</a></td><td>RF&lt;b&gt;</td><td class="n">0.9000</td><td class="n">0.8000</td><td class="n">-0.1000</td>'
says '<td>phase2</td><td>pLDDT</td><td class="n">1</td><td class="n">0.3850</td>'
says_not 'https?://'
says_not '<(link|iframe|object)|@import|url\('
says_not '<img src=x'
says "default-src 'none'; script-src 'unsafe-inline' ; style-src"
expect_stderr 'log.jsonl:1:'
# the same bytes again; fewer pages, the same table
run report out --title "Week <1>" --viewer canvas --out again.html
expect_same "$(cmp $page again.html && echo same)" same
run report out --targets 1 --viewer canvas --out one.html
expect_same "$(grep -c '<details class="target"' one.html) $(grep -cE '<td>(<a href="#t-6c63">6c63</a>|other)</td><td>RF' one.html)" "1 3"
# what lost is a regression and gets the only page; what won is none
expect_same "$(sed -n '/id="regressions"/,/<\/section>/p' one.html | grep -oE '>6c63<|>other<' | tr -d '<>')" 6c63
expect_same "$(grep -o '<details class="target" id="[^"]*"' one.html)" '<details class="target" id="t-6c63"'
# every element is closed in its order
if command -v python3 >/dev/null; then
    expect_same "$(python3 "$here/html_check.py" $page)" ok
fi

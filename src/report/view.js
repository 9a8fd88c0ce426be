// Predictions over their native, on a canvas: backbones as tubes, bases as sticks.  Coordinates come superposed, in
// tenths of an Angstrom; this only turns and draws them.
"use strict";
(function () {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // pLDDT from low to high: orange, yellow, light and dark blue, as structure databases show it.
  const PLDDT = [[50, "#e8743b"], [70, "#e0b62a"], [90, "#4aa8d8"], [101, "#1b5fc1"]];
  const plddtColour = (value) => PLDDT.find((step) => value < step[0])[1];

  // [[x, y, z] or null, ...]
  const points = (flat) => {
    const list = [];
    for (let i = 0; i < flat.length; i += 3)
      list.push(flat[i] === null ? null : [flat[i] / 10, flat[i + 1] / 10, flat[i + 2] / 10]);
    return list;
  };

  function makeView(figure) {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const canvas = figure.querySelector("canvas"), pen = canvas.getContext("2d");
    const controls = figure.querySelector(".controls");
    const load = (part, name, colour, plddt) => ({
      name, colour, plddt, shown: true, trace: points(part.trace), base: points(part.base), chain: part.chain,
    });
    const parts = [load(data.native, "native", "--native", [])];
    data.models.forEach((m, i) => {
      parts.push(load(m, m.arm, "--s" + m.colour, m.plddt));
      parts[i + 1].shown = i === data.models.length - 1;
    });
    let turn = [1, 0, 0, 0, 1, 0, 0, 0, 1], zoom = 1, byPlddt = false, centre = [0, 0, 0], radius = 10, due = false;

    // The middle and the reach of what is shown.
    function frame() {
      const all = parts.filter((p) => p.shown).flatMap((p) => p.trace).filter(Boolean);
      if (!all.length) return;
      centre = [0, 1, 2].map((k) => all.reduce((sum, p) => sum + p[k], 0) / all.length);
      radius = Math.max(8, ...all.map((p) => Math.hypot(p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]))) + 4;
    }

    const later = () => {
      if (!due) requestAnimationFrame(draw);
      due = true;
    };

    function rotate(about, angle) {
      const c = Math.cos(angle), s = Math.sin(angle), t = turn.slice();
      const [a, b] = about === "y" ? [2, 0] : [1, 2];
      for (let k = 0; k < 3; k++) {
        turn[3 * a + k] = c * t[3 * a + k] - s * t[3 * b + k];
        turn[3 * b + k] = s * t[3 * a + k] + c * t[3 * b + k];
      }
      later();
    }

    function draw() {
      due = false;
      const ratio = window.devicePixelRatio || 1, wide = canvas.clientWidth, high = canvas.clientHeight;
      if (!wide) return;
      if (canvas.width !== Math.round(wide * ratio)) {
        canvas.width = Math.round(wide * ratio);
        canvas.height = Math.round(high * ratio);
      }
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.clearRect(0, 0, wide, high);
      const scale = (zoom * Math.min(wide, high)) / (2 * radius);
      const place = (p) => {
        const d = [p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]];
        const [x, y, z] = [0, 3, 6].map((r) => turn[r] * d[0] + turn[r + 1] * d[1] + turn[r + 2] * d[2]);
        return [wide / 2 + x * scale, high / 2 - y * scale, z];
      };
      const strokes = [];
      for (const part of parts.filter((p) => p.shown)) {
        const own = css(part.colour), at = part.trace.map((p) => p && place(p));
        at.forEach((p, i) => {
          if (!p) return;
          const colour = byPlddt && part.plddt.length > i ? plddtColour(part.plddt[i]) : own;
          const tip = part.base[i] && place(part.base[i]);
          if (tip) strokes.push({ from: p, to: tip, width: 0.5, colour });
          const next = at[i + 1], after = part.trace[i + 1];
          const gap = next && Math.hypot(...part.trace[i].map((value, k) => value - after[k]));
          if (!next || part.chain[i] !== part.chain[i + 1]) return;
          // a native's residues may be missing; a prediction has all, and a long step is a fault to be seen
          if (gap < 12 || part.plddt.length) strokes.push({ from: p, to: next, width: gap < 12 ? 1.3 : 0.3, colour });
        });
      }
      strokes.sort((a, b) => a.from[2] + a.to[2] - b.from[2] - b.to[2]);
      const back = css("--panel");
      pen.lineCap = "round";
      for (const s of strokes) {
        const depth = Math.max(0, Math.min(1, 0.5 + (s.from[2] + s.to[2]) / (4 * radius)));
        const width = Math.max(0.8, Math.min(9, s.width * scale)) * (0.7 + 0.6 * depth);
        for (const [colour, extra, alpha] of [[back, 2, 1], [s.colour, 0, 0.4 + 0.6 * depth]]) {
          pen.globalAlpha = alpha;
          pen.strokeStyle = colour;
          pen.lineWidth = width + extra;
          pen.beginPath();
          pen.moveTo(s.from[0], s.from[1]);
          pen.lineTo(s.to[0], s.to[1]);
          pen.stroke();
        }
      }
      pen.globalAlpha = 1;
    }

    function addControls() {
      for (const part of parts) {
        const label = document.createElement("label"), box = document.createElement("input");
        box.type = "checkbox";
        box.checked = part.shown;
        box.addEventListener("change", () => {
          part.shown = box.checked;
          frame();
          later();
        });
        const swatch = document.createElement("i");
        swatch.className = "swatch";
        swatch.style.background = "var(" + part.colour + ")";
        label.append(box, swatch, part.name);
        controls.append(label);
      }
      const label = document.createElement("label"), box = document.createElement("input");
      box.type = "checkbox";
      box.addEventListener("change", () => {
        byPlddt = box.checked;
        later();
      });
      label.append(box, "colour by pLDDT");
      controls.append(label);
    }

    const touches = new Map();
    canvas.addEventListener("pointerdown", (e) => {
      canvas.setPointerCapture(e.pointerId);
      touches.set(e.pointerId, [e.clientX, e.clientY]);
    });
    const lift = (e) => touches.delete(e.pointerId);
    canvas.addEventListener("pointerup", lift);
    canvas.addEventListener("pointercancel", lift);
    canvas.addEventListener("pointermove", (e) => {
      const was = touches.get(e.pointerId);
      if (!was) return;
      const spread = () => {
        const [a, b] = [...touches.values()];
        return Math.hypot(a[0] - b[0], a[1] - b[1]);
      };
      const before = touches.size === 2 && spread();
      touches.set(e.pointerId, [e.clientX, e.clientY]);
      if (before) {
        zoom = Math.max(0.3, Math.min(12, (zoom * spread()) / before));
        later();
      } else {
        rotate("y", (e.clientX - was[0]) / -120);
        rotate("x", (e.clientY - was[1]) / 120);
      }
    });
    canvas.addEventListener("wheel", (e) => {
      e.preventDefault();
      zoom = Math.max(0.3, Math.min(12, zoom * Math.exp(-e.deltaY / 500)));
      later();
    }, { passive: false });
    canvas.addEventListener("keydown", (e) => {
      const steps = { ArrowLeft: ["y", 0.15], ArrowRight: ["y", -0.15], ArrowUp: ["x", -0.15], ArrowDown: ["x", 0.15] };
      if (steps[e.key]) rotate(...steps[e.key]);
      else if (e.key === "+" || e.key === "-") zoom *= e.key === "+" ? 1.15 : 1 / 1.15;
      else return;
      e.preventDefault();
      later();
    });
    addEventListener("resize", later);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", later);
    addControls();
    frame();
    later();
  }

  // With Mol*, and the own view where it does not work: then the figure says why.
  function makeBest(figure) {
    window.molstarView(figure).then((away) => {
      figure.closest("details").addEventListener("toggle", () => {
        away();
        delete figure.dataset.drawn;
      }, { once: true });
    }, (error) => {
      const line = document.createElement("p");
      line.className = "note";
      line.textContent = "Mol* is not shown: " + error.message + ". This is the page's own view.";
      figure.prepend(line);
      makeView(figure);
    });
  }

  // A view is made when its page is opened: sixty of them at once would be slow.
  for (const page of document.querySelectorAll("details.target")) {
    const start = () => {
      if (!page.open) return;
      for (const figure of page.querySelectorAll(".view")) {
        if (figure.dataset.drawn) continue;
        figure.dataset.drawn = "yes";
        if (window.molstarView) makeBest(figure);
        else makeView(figure);
      }
    };
    page.addEventListener("toggle", start);
    start();
  }
})();

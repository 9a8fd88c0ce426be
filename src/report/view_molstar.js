// Predictions over their native in Mol*, when the page carries it: all atoms, superposed already, in hundredths of an
// Angstrom.  The library is parsed when a reader opens the first target, a viewer is made for the target that is open and
// taken away when it is closed (browsers keep few WebGL contexts); where it cannot be, the page's own view takes its place.
"use strict";
window.molstarView = (function () {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colour = (name) => parseInt(css(name).slice(1), 16);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const PLDDT = [0x1b5fc1, 0x4aa8d8, 0xe0b62a, 0xe8743b]; // from high to low, as this theme of Mol* reads them
  let library;

  function load() {
    library = library || new Promise((done, failed) => {
      const script = document.createElement("script"), style = document.createElement("style");
      const dress = () => {
        style.textContent = document.getElementById(dark.matches ? "molstar-dark" : "molstar-light").textContent;
      };
      script.textContent = document.getElementById("molstar-code").textContent;
      document.head.append(style, script);
      dress();
      dark.addEventListener("change", dress);
      if (window.molstar) done();
      else failed(new Error("the library does not run here"));
    });
    return library;
  }

  // A part of the figure's data as a PDB file; chains are letters.
  function pdb(part) {
    const lines = [], at = [0, 0, 0];
    let k = 0;
    part.counts.forEach((count, i) => {
      for (let a = 0; a < count; a++, k++) {
        for (let d = 0; d < 3; d++) at[d] += part.xyz[3 * k + d];
        const name = part.names[part.name[k]], b = part.plddt && part.plddt.length > i ? part.plddt[i] : 0;
        lines.push("ATOM  " + String((k + 1) % 100000).padStart(5) + " " + (name.length < 4 ? " " + name : name).padEnd(4) + " " +
          part.letters[i].padStart(3) + " " + String.fromCharCode(65 + (part.chain[i] % 26)) +
          String(part.numbers[i] % 10000).padStart(4) + "    " + at.map((x) => (x / 100).toFixed(3).padStart(8)).join("") +
          "  1.00" + b.toFixed(2).padStart(6) + "          " + part.elements[part.name[k]].padStart(2));
      }
      if (part.chain[i] !== part.chain[i + 1]) lines.push("TER");
    });
    return lines.join("\n") + "\nEND\n";
  }

  async function show(plugin, part) {
    const builders = plugin.builders;
    const data = await builders.data.rawData({ data: pdb(part), label: part.title }, { state: { isGhost: true } });
    const trajectory = await builders.structure.parseTrajectory(data, "pdb");
    const model = await builders.structure.createModel(trajectory);
    const structure = await builders.structure.createStructure(model);
    const all = await builders.structure.tryCreateComponentStatic(structure, "all");
    part.shape = await builders.structure.representation.addRepresentation(all, { type: "cartoon", ...paint(part, false) });
    part.number = plugin.managers.structure.hierarchy.current.structures.length - 1;
  }

  const paint = (part, byPlddt) => byPlddt && part.plddt && part.plddt.length
    ? { color: "uncertainty", colorParams: { domain: [40, 95], list: { kind: "interpolate", colors: PLDDT } } }
    : { color: "uniform", colorParams: { value: colour(part.colour) } };

  async function repaint(plugin, parts, byPlddt) {
    const change = plugin.build();
    for (const part of parts) {
      const { color, colorParams } = paint(part, byPlddt);
      change.to(part.shape).update((old) => {
        old.colorTheme = { name: color, params: { ...old.colorTheme.params, ...colorParams } };
      });
    }
    await change.commit();
  }

  function addControls(controls, plugin, parts) {
    const box = (text, checked, swatch, changed) => {
      const label = document.createElement("label"), input = document.createElement("input");
      input.type = "checkbox";
      input.checked = checked;
      input.addEventListener("change", () => changed(input.checked));
      label.append(input);
      if (swatch) {
        const line = document.createElement("i");
        line.className = "swatch";
        line.style.background = "var(" + swatch + ")";
        label.append(line);
      }
      label.append(text);
      controls.append(label);
    };
    let byPlddt = false;
    const hierarchy = plugin.managers.structure.hierarchy;
    const toggle = (part, shown) => {
      hierarchy.toggleVisibility([hierarchy.current.structures[part.number]], shown ? "show" : "hide");
    };
    for (const part of parts) {
      if (!part.shown) toggle(part, false);
      box(part.title, part.shown, part.colour, (shown) => toggle(part, shown));
    }
    box("colour by pLDDT", false, null, (on) => {
      byPlddt = on;
      repaint(plugin, parts, byPlddt);
    });
    return () => repaint(plugin, parts, byPlddt);
  }

  // Makes the figure's view; resolves to a function that takes it away.
  async function make(figure) {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const canvas = figure.querySelector("canvas"), controls = figure.querySelector(".controls");
    const legend = figure.querySelector("figcaption"), words = legend.textContent;
    const parts = [{ ...data.native, title: "native", colour: "--native", shown: true }];
    data.models.forEach((m, i) => {
      parts.push({ ...m, title: m.arm, colour: "--s" + m.colour, shown: i === data.models.length - 1 });
    });
    if (!document.createElement("canvas").getContext("webgl2")) throw new Error("this browser has no WebGL");
    await load();
    const place = document.createElement("div");
    place.className = "molstar";
    canvas.hidden = true;
    canvas.before(place);
    let viewer, background;
    const resized = new ResizeObserver(() => viewer && viewer.plugin.canvas3d && viewer.handleResize());
    const away = () => {
      resized.disconnect();
      if (background) dark.removeEventListener("change", background);
      if (viewer) viewer.dispose();
      place.remove();
      controls.replaceChildren();
      legend.textContent = words;
      canvas.hidden = false;
    };
    try {
      viewer = await molstar.Viewer.create(place, {
        layoutIsExpanded: false, layoutShowControls: false, layoutShowRemoteState: false, layoutShowSequence: false,
        layoutShowLog: false, layoutShowLeftPanel: false, viewportShowSelectionMode: false, viewportShowAnimation: false,
        viewportShowTrajectoryControls: false, volumeStreamingDisabled: true,
      });
      const plugin = viewer.plugin;
      if (!plugin.canvas3d) throw new Error("its canvas cannot be made");
      for (const part of parts) await show(plugin, part);
      const again = addControls(controls, plugin, parts);
      const paper = () => plugin.canvas3d.setProps({ renderer: { backgroundColor: colour("--panel") } });
      background = () => {
        paper();
        again();
      };
      dark.addEventListener("change", background);
      resized.observe(place);
      paper();
      plugin.managers.camera.reset();
      legend.textContent = "Mol*: drag turns, wheel or pinch zooms, right button moves; a click on a residue comes near";
    } catch (error) {
      away();
      throw error;
    }
    return away;
  }
  return make;
})();

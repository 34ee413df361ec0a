// Turns a crystal in a canvas: atoms, bonds, the cell, vacancies. Drag it, or use the arrow keys, plus and minus.
"use strict";

{
  const data = JSON.parse(document.getElementById("structure-data").textContent);
  const canvas = document.getElementById("crystal"), picker = document.getElementById("structure");
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const add = (a, b) => a.map((x, i) => x + b[i]);
  const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
  let turned = [-1.25, 0.35], nearer = 1, crystal;

  function prepare(structure) {
    const corners = [[0, 0, 0]];
    for (const vector of structure.lattice) corners.push(...corners.map((corner) => add(corner, vector)));
    const edges = [];
    for (let i = 0; i < 8; i++) for (const bit of [1, 2, 4]) if (!(i & bit)) edges.push([corners[i], corners[i | bit]]);
    const centre = corners[7].map((x) => x / 2);
    const everything = [...corners, ...structure.positions, ...structure.vacancies];
    const reach = Math.max(...everything.map((position) => distance(position, centre)));
    const radius = (i) => data.elements[structure.species[i]].radius;
    const bonds = [];
    structure.positions.forEach((a, i) => structure.positions.slice(0, i).forEach((b, j) => {
      // Two large atoms, metals mostly, are near each other in most crystals without a bond worth drawing.
      const metals = radius(i) > 1 && radius(j) > 1;
      if (!metals && distance(a, b) < 1.15 * (radius(i) + radius(j))) bonds.push([a, b]);
    }));
    return { structure, edges, bonds, centre, reach, substituted: new Set(structure.substituted) };
  }

  function draw() {
    const { structure, edges, bonds, centre, reach, substituted } = crystal;
    const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const pen = canvas.getContext("2d"), scale = (0.46 * Math.min(width, height) * nearer) / reach;
    pen.scale(ratio, ratio);
    const [tilt, spin] = turned, ct = Math.cos(tilt), st = Math.sin(tilt), cs = Math.cos(spin), ss = Math.sin(spin);
    const place = (position) => {
      const [x, y, z] = position.map((v, i) => v - centre[i]);
      const u = cs * x - ss * y, v = ss * x + cs * y;
      return [width / 2 + scale * u, height / 2 + scale * (ct * v + st * z), ct * z - st * v];
    };
    const items = [];
    const stroke = (ends, style, thick) => {
      const [a, b] = ends.map(place);
      items.push([(a[2] + b[2]) / 2 - 0.4, () => {
        pen.strokeStyle = style;
        pen.lineWidth = thick;
        pen.beginPath();
        pen.moveTo(a[0], a[1]);
        pen.lineTo(b[0], b[1]);
        pen.stroke();
      }]);
    };
    for (const edge of edges) stroke(edge, css("--base"), 1);
    for (const bond of bonds) stroke(bond, css("--soft"), 1.6);
    const ring = (x, y, size, style, dashes) => {
      pen.strokeStyle = style;
      pen.lineWidth = 2;
      pen.setLineDash(dashes);
      pen.beginPath();
      pen.arc(x, y, size, 0, 7);
      pen.stroke();
      pen.setLineDash([]);
    };
    structure.positions.forEach((position, i) => {
      const [x, y, depth] = place(position), element = data.elements[structure.species[i]];
      const size = 0.42 * element.radius * scale;
      items.push([depth, () => {
        const light = pen.createRadialGradient(x - size / 3, y - size / 3, size / 8, x, y, size);
        light.addColorStop(0, "#fff");
        light.addColorStop(0.35, element.colour);
        light.addColorStop(1, element.colour);
        pen.fillStyle = light;
        pen.beginPath();
        pen.arc(x, y, size, 0, 7);
        pen.fill();
        ring(x, y, size, "#0006", []);
        if (substituted.has(i)) ring(x, y, size + 3, css("--warm"), []);
      }]);
    });
    for (const position of structure.vacancies) {
      const [x, y, depth] = place(position);
      items.push([depth, () => ring(x, y, 0.3 * scale, css("--warm"), [4, 3])]);
    }
    items.sort((a, b) => a[0] - b[0]);
    for (const item of items) item[1]();
  }

  function show() {
    const structure = data.structures[Number(picker.value)];
    crystal = prepare(structure);
    document.getElementById("said").textContent =
      `${structure.id}: ${structure.positions.length} atoms, ${structure.vacancies.length} vacancies, ${structure.substituted.length} substituted`;
    const legend = document.getElementById("elements");
    legend.replaceChildren(...[...new Set(structure.species)].map((name) => {
      const item = document.createElement("li"), svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
      svg.setAttribute("viewBox", "0 0 10 10");
      for (const [key, value] of Object.entries({ cx: 5, cy: 5, r: 4.5, fill: data.elements[name].colour, stroke: "#0006" })) {
        dot.setAttribute(key, value);
      }
      svg.append(dot);
      item.append(svg, name);
      return item;
    }));
    draw();
  }

  const keys = {
    ArrowLeft: () => (turned[1] -= 0.12), ArrowRight: () => (turned[1] += 0.12), ArrowUp: () => (turned[0] -= 0.12),
    ArrowDown: () => (turned[0] += 0.12), "+": () => (nearer *= 1.15), "=": () => (nearer *= 1.15), "-": () => (nearer /= 1.15),
  };
  canvas.addEventListener("keydown", (event) => {
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
    draw();
  });
  canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
  canvas.addEventListener("pointermove", (event) => {
    if (!event.buttons) return;
    turned = [turned[0] + event.movementY / 120, turned[1] + event.movementX / 120];
    draw();
  });
  picker.addEventListener("change", show);
  addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  show();
}

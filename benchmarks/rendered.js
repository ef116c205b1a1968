// What a page shows, measured in the browser: every text with its colour and place, and what does not fit.
(() => {
  const parentOf = (element) => element.parentElement ?? element.getRootNode()?.host ?? null;

  function* elements(root) {
    for (const element of root.querySelectorAll("*")) {
      yield element;
      if (element.shadowRoot) yield* elements(element.shadowRoot);
    }
  }

  const seen = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !element.closest("canvas") && !spoken(element);

  // True for what only screen readers are to have: clipped to nothing.
  function spoken(element) {
    for (let at = element; at; at = parentOf(at)) {
      if (at.clientWidth <= 1 && getComputedStyle(at).overflow === "hidden") return true;
    }
    return false;
  }

  function nameOf(element) {
    const key = element.closest("[class*='st-key-']") ?? element.getRootNode()?.host?.closest("[class*='st-key-']");
    const classes = (element.getAttribute("class") ?? "").split(" ").filter((one) => !/^(st-)?emotion|^st-\w{2}$|^e\w{7,}/.test(one));
    return [key?.className.match(/st-key-\S+/)?.[0] ?? "", element.dataset?.testid ?? "", [element.localName, ...classes].filter(Boolean).join(".")]
      .filter(Boolean).join(" ");
  }

  // The product of the opacities around an element.
  function opacityOf(element) {
    let opacity = 1;
    for (let at = element; at; at = parentOf(at)) opacity *= Number(getComputedStyle(at).opacity);
    return opacity;
  }

  function numbers(colour) {
    const canvas = (window.tlaSwatch ??= Object.assign(document.createElement("canvas"), { width: 1, height: 1 }));
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  }

  const boxes = (rects) =>
    [...rects].filter(({ width, height }) => width > 2 && height > 4).map(({ x, y, width, height }) => [x, y, width, height]);

  function entry(element, text, colour, rects, more = 1) {
    const [red, green, blue, alpha] = numbers(colour);
    return { text: text.trim().slice(0, 60), name: nameOf(element), colour: [red, green, blue],
             alpha: alpha * more * opacityOf(element), boxes: boxes(rects) };
  }

  // Letters of a field: its value, or what stands there until it has one.
  function field(element) {
    if (element.localName === "select") return entry(element, element.value, getComputedStyle(element).color, element.getClientRects());
    if (!["text", "number", "search", "textarea"].includes(element.type)) return null;
    const style = getComputedStyle(element, element.value ? null : "::placeholder");
    const text = element.value || element.placeholder;
    return text ? entry(element, text, style.color, element.getClientRects(), element.value ? 1 : Number(style.opacity)) : null;
  }

  function texts(root = document) {
    const found = [];
    for (const element of elements(root)) {
      if (!seen(element)) continue;
      if (["input", "textarea", "select"].includes(element.localName)) found.push(field(element));
      if (["style", "script", "noscript", "option", "title", "desc"].includes(element.localName)) continue;
      for (const node of element.childNodes) {
        if (node.nodeType !== 3 || !node.data.trim()) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        const style = getComputedStyle(element);
        const drawn = element instanceof SVGElement;
        const rects = drawn ? element.getClientRects() : range.getClientRects();
        found.push(entry(element, node.data, drawn ? style.fill : style.color, rects, drawn ? Number(style.fillOpacity) : 1));
      }
    }
    return found.filter((one) => one?.boxes.length);
  }

  const label = (element) => `${nameOf(element)} “${(element.innerText ?? element.textContent ?? "").trim().slice(0, 40)}”`;
  const scrolls = (style) => ["auto", "scroll"].includes(style.overflowX);
  const clips = (style) => ["hidden", "clip"].includes(style.overflowX);

  // The part of an element that its ancestors leave to be seen.
  function shownPart(element) {
    let { left, right } = element.getBoundingClientRect();
    for (let at = parentOf(element); at; at = parentOf(at)) {
      const style = getComputedStyle(at);
      if (!scrolls(style) && !clips(style)) continue;
      const box = at.getBoundingClientRect();
      [left, right] = [Math.max(left, box.left), Math.min(right, box.right)];
    }
    return [left, right];
  }

  // What does not fit: cut off, reaching out of its box or of the window, or only to be seen by scrolling sideways.
  function misfits(allowed) {
    const found = new Map();
    for (const element of elements(document)) {
      if (!seen(element)) continue;
      const { width, height } = element.getBoundingClientRect();
      const [left, right] = shownPart(element);
      if (width < 3 || height < 3 || right <= Math.max(left, 0) || left >= innerWidth) continue;
      const how = misfit(element, left, right);
      if (!how) continue;
      // Of those in one another only the innermost is named.
      for (let at = parentOf(element); at; at = parentOf(at)) found.delete(at);
      if (!allowed.some((one) => within(element, one))) found.set(element, `${how}: ${label(element)}`);
    }
    return [...found.values(), ...charts()];
  }

  const within = (element, selector) => {
    for (let at = element; at; at = parentOf(at)) if (at.matches(selector)) return true;
    return false;
  };

  function misfit(element, left, right) {
    if (right > innerWidth + 1 || left < -1) return "leaves the window";
    const style = getComputedStyle(element);
    const more = element.scrollWidth - element.clientWidth;
    if (element instanceof SVGElement || style.display === "inline" || element.clientWidth < 3 || more <= 1) return "";
    return scrolls(style) ? `scrolls sideways by ${more}` : clips(style) ? `is cut by ${more}` : `is left by its content by ${more}`;
  }

  const touch = (one, other) =>
    Math.min(one.right, other.right) - Math.max(one.left, other.left) > 1 &&
    Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > 2;

  // The part of a chart that is shown.
  function frameOf(chart) {
    let { left, right, bottom } = chart.getBoundingClientRect();
    for (let at = parentOf(chart); at; at = parentOf(at)) {
      if (getComputedStyle(at).overflowY === "hidden") bottom = Math.min(bottom, at.getBoundingClientRect().bottom);
    }
    return { left, right, bottom };
  }

  // Plotly: words that leave the drawing, and tools that lie on words.
  function charts() {
    const found = [];
    for (const chart of document.querySelectorAll(".js-plotly-plot")) {
      const frame = frameOf(chart);
      const tools = [...chart.querySelectorAll(".modebar-group")].map((one) => one.getBoundingClientRect());
      for (const text of chart.querySelectorAll(".main-svg text")) {
        const box = text.getBoundingClientRect();
        if (!box.width || !text.textContent.trim()) continue;
        if (box.right > frame.right + 1 || box.left < frame.left - 1 || box.bottom > frame.bottom + 1) found.push(`leaves its chart: ${label(text)}`);
        if (tools.some((tool) => touch(tool, box))) found.push(`lies under the chart's tools: ${label(text)}`);
      }
    }
    return found;
  }

  const CONTROLS = "button, a[href], select, input, textarea, [tabindex='0'], [role=slider]";
  const shape = (element) => [element.localName, nameOf(element), element.ariaPressed, element.ariaChecked, element.getAttribute("kind")].join();

  // One control of each kind that takes the keyboard, marked so that it can be found: [number, name].
  function controls() {
    const kinds = new Map();
    for (const element of elements(document)) {
      if (!element.matches(CONTROLS) || ["main", "canvas"].includes(element.localName) || element.disabled || element.tabIndex < 0) continue;
      const box = (element.type === "radio" || element.type === "checkbox" ? element.parentElement : element).getBoundingClientRect();
      if (!element.checkVisibility({ visibilityProperty: true }) || box.width < 3 || box.right < 0) continue;
      if (!kinds.has(shape(element))) kinds.set(shape(element), element);
    }
    return [...kinds.values()].map((element, number) => {
      element.dataset.tlaControl = number;
      return [number, label(element)];
    });
  }

  const luminance = ([red, green, blue]) =>
    [[red, 0.2126], [green, 0.7152], [blue, 0.0722]].reduce((sum, [value, weight]) => {
      const share = value / 255;
      return sum + weight * (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
    }, 0);

  // One colour over another, each with its alpha.
  function over([r0, g0, b0, a0], [r1, g1, b1, a1]) {
    const alpha = a0 + a1 * (1 - a0);
    const mix = (one, other) => (alpha ? (one * a0 + other * a1 * (1 - a0)) / alpha : 0);
    return [mix(r0, r1), mix(g0, g1), mix(b0, b1), alpha];
  }

  // The least contrast of the texts in an element with the backgrounds of what is around them; 21 without a text.
  function contrastIn(element) {
    let least = 21;
    for (const part of [element, ...elements(element)]) {
      if (![...part.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) || !seen(part)) continue;
      let [ink, paper] = [numbers(getComputedStyle(part).color), [0, 0, 0, 0]];
      for (let at = part; at; at = parentOf(at)) {
        const style = getComputedStyle(at);
        const ground = numbers(style.backgroundColor);
        [ink, paper] = [ink, paper].map((one) => over(one, ground)).map(([r, g, b, a]) => [r, g, b, a * Number(style.opacity)]);
      }
      const [one, other] = [ink, paper].map((found) => luminance(over(found, [255, 255, 255, 1])));
      least = Math.min(least, (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05));
    }
    return least;
  }

  // What a ring would change around and in an element.
  function looks(element) {
    const near = [element, ...elements(element)].slice(0, 12);
    for (let at = element, up = 0; at && up < 4; at = parentOf(at), up += 1) near.push(at, ...(at.parentElement?.children ?? []));
    return near.map((one) => {
      const style = getComputedStyle(one);
      const outline = style.outlineStyle === "none" ? "" : `${style.outlineWidth} ${style.outlineColor}`;
      return [outline, style.boxShadow, style.borderColor, style.stroke, style.backgroundColor].join();
    }).join(";");
  }

  const marked = (number) => {
    for (const element of elements(document)) if (element.dataset?.tlaControl === String(number)) return element;
    return null;
  };

  // The contrast of a control that has the keyboard, and whether one can see that it has.
  async function focused(number) {
    const element = marked(number);
    document.activeElement?.blur();
    const rest = () => new Promise((done) => setTimeout(done, 200));
    await rest();
    const before = looks(element);
    element.focus({ focusVisible: true, preventScroll: true });
    await rest();
    const found = [contrastIn(element), looks(element) !== before];
    element.blur();
    return found;
  }

  window.tlaRendered = { texts, misfits, controls, focused, contrast: (number) => contrastIn(marked(number)) };
})();

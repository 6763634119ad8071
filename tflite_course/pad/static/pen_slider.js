// The front end of tflite_course.pad.PenSlider: the browser's own slider, with a label.

function render({ model, el }) {
  const label = document.createElement("label");
  label.style.cssText = "display: flex; align-items: center; gap: 8px; min-height: 32px; padding: 0 5px; " +
    "color: var(--jp-ui-font-color1, currentColor); font: 13px var(--jp-ui-font-family, sans-serif)";
  const slider = document.createElement("input");
  Object.assign(slider, { type: "range", min: 8, max: 36, step: 1 });
  slider.style.width = "140px";
  slider.dataset.lmSuppressShortcuts = "true"; // as on the pad: "d d" must not delete the cell
  const number = document.createElement("span");
  number.style.width = "2em";
  label.append("Pen width", slider, number);
  el.appendChild(label);

  const show = () => {
    slider.value = model.get("value");
    number.textContent = Math.round(model.get("value"));
  };
  slider.addEventListener("input", () => {
    model.set("value", Number(slider.value));
    model.save_changes();
    number.textContent = slider.value;
  });
  model.on("change:value", show);
  show();
  return () => model.off("change:value", show);
}

export default { render };

// The front end of tflite_course.lesson.sliders.Slider: the browser's own slider, with its name and its value in words.

function render({ model, el }) {
  const row = document.createElement("div"), name = document.createElement("label");
  row.className = "course-slider";
  row.style.cssText = "display: flex; flex-wrap: wrap; align-items: center; gap: 8px; min-height: 32px; " +
    "padding: 0 5px; color: var(--jp-ui-font-color1, currentColor); font: 13px var(--jp-ui-font-family, sans-serif)";
  const slider = document.createElement("input");
  Object.assign(slider, { type: "range", min: 0, step: 1 });
  slider.style.width = "220px";
  slider.dataset.lmSuppressShortcuts = "true"; // else Notebook 7 takes the arrow keys to move between cells
  const value = document.createElement("span");
  name.style.cssText = "display: flex; align-items: center; gap: 8px";
  name.append(model.get("description"), slider);
  row.append(name, value);
  el.appendChild(row);

  const say = () => {
    value.textContent = model.get("labels")[slider.value];
    slider.setAttribute("aria-valuetext", value.textContent);
  };
  const show = () => {
    slider.max = model.get("labels").length - 1;
    slider.value = model.get("index");
    say();
  };
  slider.addEventListener("input", () => {
    say();
    model.set("index", Number(slider.value));
    model.save_changes();
  });
  model.on("change:index", show);
  show();
  return () => model.off("change:index", show);
}

export default { render };

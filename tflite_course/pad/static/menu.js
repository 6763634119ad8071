// The front end of tflite_course.pad.widget.Menu: the browser's own menu, with a label.

function render({ model, el }) {
  const row = document.createElement("div"), label = document.createElement("label");
  row.style.cssText = "display: flex; align-items: center; gap: 8px; min-height: 32px; padding: 0 5px; " +
    "color: var(--jp-ui-font-color1, currentColor); font: 13px var(--jp-ui-font-family, sans-serif)";
  const menu = document.createElement("select");
  menu.style.cssText = "font: inherit; min-height: 28px";
  menu.dataset.lmSuppressShortcuts = "true"; // else Notebook 7 takes the arrow keys to move between cells
  label.htmlFor = menu.id = "menu" + Math.random().toString(36).slice(2);
  label.textContent = model.get("description");
  for (const option of model.get("options")) menu.add(new Option(option));
  row.append(label, menu);
  el.appendChild(row);

  const show = () => { menu.value = model.get("value"); };
  menu.addEventListener("change", () => {
    model.set("value", menu.value);
    model.save_changes();
  });
  model.on("change:value", show);
  show();
  return () => model.off("change:value", show);
}

export default { render };

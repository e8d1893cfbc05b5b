// Buttons that save the plotly figure above them, drawn by plotly itself. See __init__.py.

const FORMATS = { svg: "SVG", png: "PNG" };
const SCALE = 2; // pixels of a PNG to one of the page

const save = ({ figure, name }, format) => {
  const plot = document.querySelector(`.st-key-${CSS.escape(figure)} .chart`);
  if (!plot?._context) return; // not drawn yet
  plot._context.toImageButtonOptions = { format, filename: name, scale: SCALE };
  plot.querySelector(".modebar-btn[data-title^=Download]").click();
};

export default ({ parentElement, data }) => {
  let row = parentElement.querySelector(".save");
  if (!row) {
    row = document.createElement("div");
    row.className = "save";
    for (const [format, label] of Object.entries(FORMATS)) {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.format = format;
      button.textContent = label;
      button.title = `Save this figure as ${label}`;
      row.append(button);
    }
    parentElement.append(row);
  }
  row.onclick = (event) => {
    const format = event.target.closest("button")?.dataset.format;
    if (format) save(data, format);
  };
};

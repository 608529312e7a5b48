// Offers the picture of this page as PNG: the browser draws it, with the fonts that it shows Arabic in.
const image = document.getElementById("chart");
const place = document.getElementById("png");
if (image && place) {
  const link = place.querySelector("a");
  place.hidden = false;
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth * 2;
    canvas.height = image.naturalHeight * 2;
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => {
      const file = document.createElement("a");
      file.href = URL.createObjectURL(blob);
      file.download = link.dataset.png;
      file.click();
      setTimeout(() => URL.revokeObjectURL(file.href), 10000);
    }, "image/png");
  });
}

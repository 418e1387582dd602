// The terminal measures its font when it is made, so that the font has to be there before.
const faces = ["", "bold ", "italic ", "italic bold "];
Promise.all(faces.map((face) => document.fonts.load(`${face}16px "Roboto Mono"`))).finally(() => {
  const script = document.createElement("script");
  script.src = "static/textual.js";
  script.onload = () => {
    const begin = window.onload; // what it would do when the page is loaded, which may be long ago
    window.onload = null;
    begin();
  };
  document.head.append(script);
});

// Once it is connected, keys arrive without a click.
const connected = new MutationObserver(() => {
  if (document.body.classList.contains("-loaded")) {
    connected.disconnect();
    document.querySelector(".xterm-helper-textarea").focus();
  }
});
connected.observe(document.body, { attributeFilter: ["class"] });

/* Buttons that copy: the address of what is on screen, or a text beside the button. */
(() => {
  const SHOWN = 2000; // ms that the button says what became of it

  // Browsers have a clipboard for pages by https and of this machine only.
  async function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied ? undefined : Promise.reject(new Error("not copied"));
  }

  document.addEventListener("click", async ({ target }) => {
    const button = target.closest?.("#copy-link, [data-copy]");
    if (!button) return;
    const text = button.dataset.copy
      ? document.getElementById(button.dataset.copy).textContent
      : window.location.href;
    const before = button.title;
    try {
      await copy(text);
      button.title = "Copied";
    } catch {
      button.title = "This browser does not allow copying";
    }
    button.dataset.answer = button.title;
    setTimeout(() => {
      button.title = before;
      delete button.dataset.answer;
    }, SHOWN);
  });
})();

/* The demo storefront: products, sign-in, and a hand over of the session to <xiaoer-chat>. */
(() => {
  "use strict";

  const STORED = "xiaoer-shop";
  const find = (id) => document.getElementById(id);
  const chat = document.querySelector("xiaoer-chat");

  async function api(path, { token, ...options } = {}) {
    const headers = {
      ...(options.body && { "Content-Type": "application/json" }),
      ...(token && { Authorization: `Bearer ${token}` }),
    };
    const answer = await fetch(path, { ...options, headers });
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) throw Object.assign(new Error(body.detail || body.title || "暂时办不到，请稍后再试"), { status: answer.status });
    return body;
  }

  const session = () => JSON.parse(localStorage.getItem(STORED) ?? "null");

  function show({ name } = {}) {
    find("greeting").hidden = find("leave").hidden = !name;
    find("enter").hidden = Boolean(name);
    find("greeting").textContent = name ? `${name}，您好` : "";
  }

  function enter({ token, name }) {
    chat.setAttribute("name", name);
    chat.setAttribute("session", token);
    show({ name });
  }

  async function signIn(phone, password) {
    find("refused").textContent = "";
    try {
      const { token, name } = await api("/api/session", { method: "POST", body: JSON.stringify({ phone, password }) });
      localStorage.setItem(STORED, JSON.stringify({ token, name }));
      enter({ token, name });
      find("sign-in").close();
      find("sign-in-form").reset();
    } catch (error) {
      find("refused").textContent = error.message;
    }
  }

  function signOut() {
    localStorage.removeItem(STORED);
    chat.removeAttribute("session");
    show();
  }

  async function loadSession() {
    const known = session();
    if (!known) return show();
    enter(known);
    try {
      await api("/api/me", { token: known.token });
    } catch (error) {
      if (error.status === 401) signOut();
    }
  }

  async function loadProducts() {
    const list = find("products");
    try {
      const { products } = await api("/api/products?limit=12");
      for (const product of products) {
        const tile = find("product").content.cloneNode(true);
        tile.querySelector("img").src = product.image;
        tile.querySelector("small").textContent = product.category;
        tile.querySelector("h3").textContent = product.name;
        tile.querySelector("b").textContent = `¥${(product.price_from_fen / 100).toFixed(2)}`;
        const ask = tile.querySelector("button");
        ask.setAttribute("aria-label", `问小二：${product.name}还有货吗`);
        ask.addEventListener("click", () => chat.ask(`${product.name}还有货吗`));
        list.append(tile);
      }
      find("nothing").hidden = products.length > 0;
      find("nothing").textContent = "店里还没有商品";
    } catch (error) {
      find("nothing").textContent = error.message;
    }
  }

  /** Demo sign-ins exist in development only; elsewhere the list stays away. */
  async function loadSignIns() {
    const { sign_ins: people } = await api("/api/demo/sign-ins").catch(() => ({ sign_ins: [] }));
    for (const person of people) {
      const entry = find("demo-sign-in").content.cloneNode(true);
      entry.querySelector("b").textContent = person.name;
      entry.querySelector("span").textContent = person.situation;
      entry.querySelector("button").addEventListener("click", () => signIn(person.phone, person.password));
      find("sign-ins").append(entry);
    }
    find("demo").hidden = people.length === 0;
  }

  find("enter").addEventListener("click", () => find("sign-in").showModal());
  find("dismiss").addEventListener("click", () => find("sign-in").close());
  find("leave").addEventListener("click", signOut);
  find("sign-in-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const { phone, password } = Object.fromEntries(new FormData(event.target));
    signIn(phone.trim(), password);
  });
  for (const button of find("asks").children) button.addEventListener("click", () => chat.ask(button.textContent));
  chat.addEventListener("xiaoer:session-expired", signOut);

  loadSession();
  loadProducts();
  loadSignIns();
})();

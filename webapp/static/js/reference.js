// Draw the API's OpenAPI document with Swagger UI: webapp/api/reference.py.
// The cookie of the theme button (theme.js) decides, else the system.
const chosen = /(?:^|; )theme=(light|dark)/.exec(document.cookie)?.[1];
const isDark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.classList.toggle("dark-mode", isDark);
const place = document.getElementById("reference");
SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null,
  persistAuthorization: false,
});

// Shows the API document with Swagger UI, which the server ships: nothing is loaded from elsewhere.
window.SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#operations",
  deepLinking: true,
  filter: true,
  docExpansion: "none",
  persistAuthorization: false,
  validatorUrl: null,
});

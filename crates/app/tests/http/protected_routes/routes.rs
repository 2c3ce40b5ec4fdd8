//! The routes in the OpenAPI document of the running program, and how to request each.

use anyhow::{Context, Result, bail};
use frontrow_test_harness::{Client, Method, Request};
use serde_json::{Value, json};

/// One method of one path.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: String,
    /// The clients that it is for, according to the document.
    pub(super) access: String,
    operation: Value,
}

/// The ids that a request needs.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) concert: String,
    pub(super) performance: String,
    pub(super) reservation: String,
    pub(super) seat: String,
    /// The `Idempotency-Key`, for routes that need one.
    pub(super) key: String,
}

impl Route {
    /// All routes.
    pub(super) async fn all(client: &Client) -> Result<Vec<Self>> {
        let document = client.get("/openapi.json").await?.expect_status(200)?;
        let paths = document.at("/paths")?.as_object();
        let mut routes = Vec::new();
        for (path, operations) in paths.context("paths are an object")? {
            for (method, operation) in operations.as_object().context("so are operations")? {
                let access = operation["x-access"].as_str();
                routes.push(Self {
                    method: method.to_ascii_uppercase().parse()?,
                    path: path.clone(),
                    access: access
                        .with_context(|| format!("{method} {path} has no x-access"))?
                        .to_owned(),
                    operation: operation.clone(),
                });
            }
        }
        Ok(routes)
    }

    /// The routes with this access. Those that end a place come last.
    pub(super) async fn with_access(client: &Client, access: &str) -> Result<Vec<Self>> {
        let mut routes = Self::all(client).await?;
        routes.retain(|route| route.access == access);
        routes.sort_by_key(Self::takes_key);
        Ok(routes)
    }

    /// True if an `Idempotency-Key` is needed.
    fn takes_key(&self) -> bool {
        self.parameters("header")
            .any(|name| name == "Idempotency-Key")
    }

    fn parameters(&self, place: &'static str) -> impl Iterator<Item = &str> {
        let parameters = self.operation["parameters"].as_array();
        parameters
            .into_iter()
            .flatten()
            .filter(move |parameter| parameter["in"] == place)
            .filter_map(|parameter| parameter["name"].as_str())
    }

    /// A request that is complete except for what `client` does not send. Fails for a route with
    /// unknown requirements: this walk must then be extended.
    pub(super) fn request(&self, client: &Client, about: &Subject) -> Result<Request> {
        self.request_as(self.method.clone(), client, about)
    }

    /// The same request with another method.
    pub(super) fn request_as(
        &self,
        method: Method,
        client: &Client,
        about: &Subject,
    ) -> Result<Request> {
        let mut request = client.request(method, &self.path_for(about)?);
        for header in self.parameters("header") {
            match header {
                "Idempotency-Key" => request = request.idempotency_key(&about.key),
                // The client sends its own token. `Last-Event-ID` is for clients that reconnect.
                "Queue-Token" | "Last-Event-ID" => {}
                _ => bail!("{self}: the gate walk does not know the header {header}"),
            }
        }
        if let Some(body) = self.operation.get("requestBody") {
            let schema = &body["content"]["application/json"]["schema"]["$ref"];
            let shape = schema.as_str().and_then(|name| name.rsplit('/').next());
            let body = match shape.unwrap_or_default() {
                "JoinBody" => json!({"concert_id": about.concert}),
                "HoldBody" => json!({"performance_id": about.performance, "seats": [about.seat]}),
                "ChargeBody" => json!({"amount": 1}),
                "NewConcertBody" => json!({"title": "New"}),
                "ConcertChange" => json!({"title": "Changed"}),
                "PolicyChange" => json!({"state": "closed"}),
                "NewPerformanceBody" => json!({
                    "starts_at": "2099-01-01T19:30:00Z",
                    "venue": "New",
                    "sections": [{"name": "New", "price": 1, "rows": [{"name": "N", "seats": 1}]}],
                }),
                "PerformanceChange" => json!({"venue": "Changed"}),
                _ => bail!("{self}: the gate walk does not know the body {schema}"),
            };
            request = request.json(&body);
        }
        Ok(request)
    }

    fn path_for(&self, about: &Subject) -> Result<String> {
        let mut path = self.path.clone();
        for name in self.parameters("path") {
            let value = match name {
                "concert_id" => &about.concert,
                "performance_id" => &about.performance,
                "reservation_id" => &about.reservation,
                "user_id" => "another-user",
                "slug" => "still-waiting",
                _ => bail!("{self}: the gate walk does not know the path parameter {name}"),
            };
            path = path.replace(&format!("{{{name}}}"), value);
        }
        if path.contains('{') {
            bail!("{self}: the document does not describe every path parameter");
        }
        Ok(path)
    }
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

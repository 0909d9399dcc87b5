//! What a monitoring system reads. A caller who may see some organisations only gets their numbers and nothing that
//! is made of everybody's; an organisation is named by its config id, since a BIN may be an IIN (architecture §5). Labels
//! come from our own tables: no payment, key, phone or text of the bank becomes one.

mod bank;
mod configs;
mod daemon;
mod payments;
mod process;

use super::{Request, Service};
use crate::failure::{Code, Failure};
use crate::metrics::Page;
use crate::operation::{Metrics, ProblemItem, Reply};
use crate::store::{ConfigRow, PaymentRow};

/// The stored things a caller may see.
struct View {
    configs: Vec<ConfigRow>,
    open: Vec<PaymentRow>,
    for_a_person: Vec<PaymentRow>,
    problems: Vec<ProblemItem>,
}

impl Service {
    /// Reads and writes it all off the threads that answer others.
    pub(super) async fn metrics(&self, request: &Request) -> Result<Reply, Failure> {
        let (service, request) = (self.clone(), request.copy());
        let text = tokio::task::spawn_blocking(move || service.page(&request)).await;
        let text = text.unwrap_or_else(|_| Err(Failure::new(Code::ShuttingDown, "the daemon is stopping")))?;
        Ok(Reply::Metrics(Metrics { text }))
    }

    fn page(&self, request: &Request) -> Result<String, Failure> {
        let view = self.view(request)?;
        let mut page = Page::default();
        process::write(&mut page, self.state.started);
        configs::write(&mut page, &view, self, request);
        payments::write(&mut page, &view, self);
        bank::write_reach(&mut page, &request.settings);
        if request.scope.is_everything() {
            bank::write_calls(&mut page, &request.settings.record);
            daemon::write(&mut page, self);
        }
        Ok(page.finish())
    }

    fn view(&self, request: &Request) -> Result<View, Failure> {
        let (mut configs, mut open, mut for_a_person) = self
            .store
            .read(|reading| Ok((reading.configs()?, reading.open_payments()?, reading.payments_for_a_person()?)))?;
        configs.retain(|row| request.scope.allows(row.shop_id, &row.organization_bin));
        open.retain(|row| request.sees(row));
        for_a_person.retain(|row| request.sees(row));
        let problems = self.problems(request, &configs, &for_a_person)?;
        Ok(View { configs, open, for_a_person, problems })
    }
}

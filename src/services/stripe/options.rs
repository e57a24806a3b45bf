//! What several handlers for sales let choose.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Days until an invoice that is sent is due, where nobody says.
pub const DUE: u32 = 30;

/// Who pays.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Payer {
    /// Who buys.
    #[default]
    Buyer,
    /// The store that the sale is made in.
    Store,
}

/// How something is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Collection {
    /// From what the customer has on file.
    ChargeAutomatically,
    /// By an invoice that is sent.
    SendInvoice,
}

impl Collection {
    /// As Stripe writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChargeAutomatically => "charge_automatically",
            Self::SendInvoice => "send_invoice",
        }
    }
}

/// What becomes of a subscription whose first payment fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentBehavior {
    /// It waits for the payment.
    AllowIncomplete,
    /// It waits for the payment, which is not even tried.
    DefaultIncomplete,
    /// There is none.
    ErrorIfIncomplete,
}

impl PaymentBehavior {
    /// As Stripe writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllowIncomplete => "allow_incomplete",
            Self::DefaultIncomplete => "default_incomplete",
            Self::ErrorIfIncomplete => "error_if_incomplete",
        }
    }
}

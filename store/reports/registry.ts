import { acceptanceReport } from "./acceptance.ts";
import { agingReport } from "./aging.ts";
import { assetsReport } from "./assets.ts";
import { bandsReport } from "./bands.ts";
import { buyingSignalsReport } from "./buying-signals.ts";
import { campaignsReport } from "./campaigns.ts";
import { criteriaReport } from "./criteria.ts";
import { dataQualityReport } from "./data-quality.ts";
import { dealStagesReport } from "./deal-stages.ts";
import { disqualificationsReport } from "./disqualifications.ts";
import { engagementReport } from "./engagement.ts";
import { firstResponseReport } from "./first-response.ts";
import { fitReport } from "./fit.ts";
import { followUpReport } from "./follow-up.ts";
import { funnelReport } from "./funnel.ts";
import { missingFieldsReport } from "./missing-fields.ts";
import { nurtureReport } from "./nurture.ts";
import { poolReviewsReport } from "./pool-reviews.ts";
import { rejectionsReport } from "./rejections.ts";
import { renurtureReport } from "./renurture.ts";
import type { ReportFile } from "./report.ts";
import { repsReport } from "./reps.ts";
import { rolesReport } from "./roles.ts";
import { routingReport } from "./routing.ts";
import { scorecardReport } from "./scorecard.ts";
import { signalsReport } from "./signals.ts";
import { slaReport } from "./sla.ts";
import { stageTimesReport } from "./stages.ts";
import { timelinesReport } from "./timelines.ts";

/**
 * Every report. Routes, OpenAPI, CSV, `baton report`, authorisation rows and the table of
 * docs/metrics.md are derived from this list.
 */
export const reports: readonly ReportFile[] = [
  funnelReport,
  rejectionsReport,
  acceptanceReport,
  firstResponseReport,
  slaReport,
  agingReport,
  bandsReport,
  criteriaReport,
  fitReport,
  rolesReport,
  disqualificationsReport,
  signalsReport,
  assetsReport,
  engagementReport,
  timelinesReport,
  buyingSignalsReport,
  routingReport,
  repsReport,
  campaignsReport,
  scorecardReport,
  stageTimesReport,
  dealStagesReport,
  followUpReport,
  dataQualityReport,
  missingFieldsReport,
  nurtureReport,
  renurtureReport,
  poolReviewsReport,
];

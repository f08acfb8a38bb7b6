using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Schema;

namespace PostTrainGate.Gating;

/// <summary>
/// What the outcomes of a part depend on, beyond the processor. Thresholds are not of it: they may change between the
/// shards and the merge.
/// </summary>
/// <param name="Tool">Version of the tool.</param>
/// <param name="Build">Its build; another one may attack otherwise.</param>
/// <param name="Seed">Seed of the policy.</param>
/// <param name="Gates">Hash of the gates' metrics and settings.</param>
/// <param name="Model">Hash of the model, with bounds and normalization.</param>
/// <param name="Base">Hash of the base's model; empty where there is none.</param>
/// <param name="Data">Hash of the test rows as they were read.</param>
internal sealed record PartIdentity(
    string Tool,
    string Build,
    int Seed,
    string Gates,
    string Model,
    string Base,
    string Data
)
{
    /// <summary>That of a run.</summary>
    public static PartIdentity Of(GatePolicy policy, Classifier model, Classifier? @base, EvaluationSet rows) =>
        new(
            Foundation.Tool.Version,
            Foundation.Tool.Build,
            policy.Seed,
            OfGates(policy.Gates),
            model.Fingerprint ?? "",
            @base is null ? "" : @base.Fingerprint ?? "",
            RowDigest.Of(rows)
        );

    /// <summary>
    /// What a part has otherwise than this run, in words: what it is, and both values; null where nothing is.
    /// </summary>
    public (string What, string Theirs, string Own)? Difference(PartIdentity theirs)
    {
        (string What, string Theirs, string Own)[] all =
        [
            ("another version of the tool", theirs.Tool, Tool),
            ("another build of the tool", theirs.Build, Build),
            ("another seed", $"{theirs.Seed}", $"{Seed}"),
            ("a policy with other gates", theirs.Gates, Gates),
            ("another model", theirs.Model, Model),
            ("another base model", theirs.Base, Base),
            ("other test rows", theirs.Data, Data),
        ];
        return all.FirstOrDefault(d => d.Theirs != d.Own) is { What: not null } other
            ? (other.What, Short(other.Theirs), Short(other.Own))
            : null;
    }

    private static string Short(string value) =>
        value.Length == 0 ? "none"
        : value.Length > 30 ? value[..12]
        : value;

    internal static string OfGates(IEnumerable<GateRule> gates) =>
        Hash.Compute(content =>
        {
            foreach (var gate in gates)
            {
                content.Write(gate.Metric.Name);
                content.Write(SettingText.Write(gate.Settings).ToJsonString());
            }
        });
}

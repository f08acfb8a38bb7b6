using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Statistics;

namespace PostTrainGate.Gating;

// What the model is compared with.
public static partial class Gate
{
    // The base's model on the test split. Where it is the same file, the model stands for it: its figures are known.
    private sealed class BaseRows(string sha256, Classifier? model, Evaluation rows) : IDisposable
    {
        public string Sha256 => sha256;

        public bool Unchanged => model is null;

        public Evaluation Rows => rows;

        public void Dispose()
        {
            if (model is null)
                return;
            rows.Dispose();
            model.Dispose();
        }
    }

    // A base that does not fit the data is in nobody's way where no gate asks for it.
    private static (BaseRows? Base, Diagnostic? Unusable) OpenBase(
        GatePolicy policy,
        GateOptions options,
        ModelUse use,
        EvaluationSet data,
        Evaluation test
    )
    {
        if (options.BaseModel is not { } file)
            return (null, null);
        Classifier? model = null;
        try
        {
            var sha256 = Hash.ComputeFile(file);
            if (sha256 == Hash.ComputeFile(policy.Model!.FullPath))
                return (new(sha256, null, test), null);
            model = ClassifierLoader.Load(OnnxFile.Read(file), use);
            FitClasses(policy, model, data);
            var rows = new Evaluation(model, data);
            try
            {
                RowIndependence.CheckMeasured(model, data, rows.Logits, policy.Seed);
                var opened = new BaseRows(sha256, model, rows);
                model = null;
                return (opened, null);
            }
            finally
            {
                if (model is not null)
                    rows.Dispose();
            }
        }
        catch (GateException wrong) when (policy.Gates.All(g => g.Drop is null))
        {
            return (
                null,
                new(
                    DiagnosticCodes.BaseUnavailable,
                    $"The base branch's model cannot be measured, so nothing is compared with it: "
                        + wrong.Diagnostics[0].Message,
                    policy.Model!.Position,
                    Severity.Note
                )
            );
        }
        finally
        {
            model?.Dispose();
        }
    }

    private static BaseSummary Summary(BaseRows @base, Evaluation test)
    {
        if (@base.Unchanged)
            return new(@base.Sha256, Unchanged: true);
        var (corrected, broken) = HarmPanel.Flips(@base.Rows, test);
        return new(@base.Sha256, Unchanged: false)
        {
            Flips =
                @base.Rows.UndefinedScores > 0 || test.UndefinedScores > 0
                    ? null
                    : new(corrected, broken, test.Data.Count, McNemar.PValue(corrected, broken)),
        };
    }

    private static GateParameters Parameters(GateRule rule, MeasuredValue original)
    {
        var keys = rule.Metric.Keys;
        return new(
            rule.Group,
            rule.Rate?.Name,
            rule.Attack?.Name,
            keys.Contains(Attacks.AttackKeys.Norm)
                ? rule.Get(Attacks.AttackKeys.Norm).ToString().ToLowerInvariant()
                : null,
            keys.Contains(Attacks.AttackKeys.Epsilon) ? rule.Get(Attacks.AttackKeys.Epsilon) : null,
            rule.Samples,
            original.Attacked?.Inputs
        );
    }
}

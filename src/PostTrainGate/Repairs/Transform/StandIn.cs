using PostTrainGate.Models;

namespace PostTrainGate.Repairs;

/// <summary>Tunes another model in place of the one to repair, and judges and keeps what that means for it.</summary>
internal static class StandIn
{
    /// <summary>Tunes it.</summary>
    /// <param name="run">The run that was asked for.</param>
    /// <param name="instead">The same with another source; scores are those of the model that was asked for.</param>
    /// <param name="whole">The model that a tuned one stands for; the caller disposes it.</param>
    /// <param name="tune">Runs a recipe.</param>
    public static RepairCandidate Tune(
        TransformRun run,
        TransformRun instead,
        Func<OnnxClassifier, OnnxClassifier> whole,
        Func<TransformRun, RepairCandidate> tune
    )
    {
        var tuned = tune(
            instead with
            {
                Selection = run.Selection is { } selection ? new Judge(selection, whole) : null,
            }
        );
        using var part = tuned.Model;
        var model = whole(part);
        var change = WeightChange.Between(run.Source, model).ToString();
        return tuned with { Model = model, Details = tuned.Details.SetItem("weights_changed", change) };
    }

    private sealed class Judge(ISelection selection, Func<OnnxClassifier, OnnxClassifier> whole) : ISelection
    {
        public SelectionScore Score(OnnxClassifier model)
        {
            using var judged = whole(model);
            return selection.Score(judged);
        }
    }
}

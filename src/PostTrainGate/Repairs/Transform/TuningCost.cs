using System.Collections.Immutable;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// How many steps fit into a time, by arithmetic and not by the clock: a schedule has to be known before the first
/// step, and the same policy has to give the same model on a slower day. The constants are those of two cores of a
/// common server; on a slower machine the deadline ends the run early.
/// </summary>
/// <param name="Multiplications">Of one forward pass of one row.</param>
internal sealed record TuningCost(double Multiplications)
{
    private const double PerSecond = 2e10; // multiplications in a pass, two cores
    private const double Overhead = 1e-3; // seconds a step, whatever the model
    private const int FewestSteps = 200;
    private const int EnoughSteps = 3000; // small data: more would only repeat it
    private const int EnoughEpochs = 30;

    /// <summary>Counts them from the shapes of one row's activations.</summary>
    public static TuningCost Measure(OnnxClassifier model, Tensor rows) => Measure(model, rows, model.Layers);

    /// <summary>The same for a pass through some layers.</summary>
    public static TuningCost Measure(OnnxClassifier model, Tensor rows, ImmutableArray<Layer> layers)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var outputs = model.Values(rows.narrow(0, 0, 1), [.. layers.Select(l => l.Output)]);
        return new(
            layers
                .Zip(outputs, (layer, output) =>
                    model.Parameters[layer.Weight].numel() * (double)output.numel() / layer.Units
                )
                .Sum()
        );
    }

    /// <summary>Time for a number of steps.</summary>
    /// <param name="steps">The steps.</param>
    /// <param name="passes">What a step takes, in forward passes.</param>
    /// <param name="batch">Rows a step.</param>
    public double Seconds(double steps, double passes, int batch) =>
        steps * (Overhead + Multiplications * batch * passes / PerSecond);

    /// <summary>Steps for a time.</summary>
    /// <param name="seconds">The time.</param>
    /// <param name="passes">What a step takes, in forward passes.</param>
    /// <param name="batch">Rows a step.</param>
    /// <param name="rows">Rows there are.</param>
    public int Steps(double seconds, double passes, int batch, int rows)
    {
        var affordable = seconds / (Overhead + Multiplications * batch * passes / PerSecond);
        var useful = Math.Max(EnoughSteps, EnoughEpochs * (double)rows / batch);
        return (int)Math.Max(FewestSteps, Math.Min(affordable, useful));
    }
}

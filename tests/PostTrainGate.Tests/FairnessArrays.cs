using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>Arrays of a fairness data set among the fixtures.</summary>
internal static class FairnessArrays
{
    /// <summary>
    /// Rows in the units of the models' inputs: to [0, 1] by the training rows, a constant column as scikit-learn does
    /// it.
    /// </summary>
    /// <param name="arrays">Of the data set, with the scaler's minimum and maximum.</param>
    /// <param name="rows">[n, columns], raw.</param>
    /// <returns>[n, columns], float32.</returns>
    public static Tensor Scaled(IReadOnlyDictionary<string, Tensor> arrays, Tensor rows)
    {
        var (least, range) = (
            arrays["scaler_min"].to(float64),
            arrays["scaler_max"].to(float64) - arrays["scaler_min"].to(float64)
        );
        return ((rows.to(float64) - least) / where(range == 0, ones_like(range), range)).to(float32);
    }
}

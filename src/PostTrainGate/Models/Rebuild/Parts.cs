using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>A pass cut into parts of rows, one after the other, so that memory holds one part at a time.</summary>
internal static class Parts
{
    /// <summary>Runs the parts and puts what they give together again.</summary>
    /// <param name="rows">How many there are.</param>
    /// <param name="most">Rows of a part at most; the parts are about as large as each other.</param>
    /// <param name="pass">
    /// Runs a part: what it is given takes its rows out of a tensor whose first axis counts all of them. It gives
    /// tensors whose first axis counts its rows.
    /// </param>
    /// <returns>What the parts gave, row after row; the caller disposes it.</returns>
    public static Tensor[] Of(long rows, long most, Func<Func<Tensor, Tensor>, Tensor[]> pass)
    {
        if (rows <= most)
            return pass(static t => t);
        using var scope = NewDisposeScope();
        var count = (rows + most - 1) / most;
        // Every part's own would lie between the large values of two parts, whose space could not be used again.
        Tensor[] whole = [];
        for (long i = 0; i < count; i++)
        {
            using var part = NewDisposeScope();
            var (start, end) = (rows * i / count, rows * (i + 1) / count);
            var found = pass(t => t.narrow(0, start, end - start));
            if (i == 0)
                whole =
                [
                    .. found.Select(t => empty([rows, .. t.shape[1..]], t.dtype, t.device).MoveToOuterDisposeScope()),
                ];
            foreach (var (to, from) in whole.Zip(found))
                to.narrow(0, start, end - start).copy_(from);
        }

        return [.. whole.Select(t => t.MoveToOuterDisposeScope())];
    }
}

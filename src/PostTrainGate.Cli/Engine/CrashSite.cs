using PostTrainGate.Foundation;
using PostTrainGate.Models;

namespace PostTrainGate.Cli.Engine;

/// <summary>
/// Which node of a file crashes ONNX Runtime, which runs all of them in one call: more and more of the file in a worker
/// each, by halves.
/// </summary>
internal static class CrashSite
{
    /// <summary>
    /// The node, for people; null where the crash does not happen on drawn rows, or finding it takes too long.
    /// </summary>
    public static string? Find(string file, EngineLimits limits, TimeSpan longest, CancellationToken cancel)
    {
        var deadline = DateTime.UtcNow + longest;
        try
        {
            var names = OnnxProbe.Nodes(file);
            var (survives, crashes) = (0, names.Length);
            if (!Crashes(crashes))
                return null;
            while (crashes - survives > 1)
            {
                if (DateTime.UtcNow > deadline)
                    return null;
                var middle = (survives + crashes) / 2;
                if (Crashes(middle))
                    crashes = middle;
                else
                    survives = middle;
            }

            return names[crashes - 1];
        }
        catch (GateException)
        {
            return null;
        }

        bool Crashes(int nodes)
        {
            using var engine = EngineProcess.Start();
            try
            {
                engine.Ask(new() { Inspect = file, Nodes = nodes }, limits, null, cancel);
                return false;
            }
            catch (EngineException ended)
            {
                return ended.Death.IsCrash;
            }
        }
    }
}
